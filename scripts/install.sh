#!/bin/sh
# Installs a build: PREFIX/lib/walvault, and PREFIX/bin/walvault as a link to it.
#   install.sh DIST DESTDIR PREFIX [1 = also the name wal-g]
set -eu
dist=$1
root=$2$3
lib=$root/lib/walvault
bin=$root/bin

mkdir -p "$root/lib" "$bin"
rm -rf "$lib.new" "$lib.old"
cp -R "$dist" "$lib.new"
# A build may link to the Node of node_modules; what is installed is a file of its own, for everyone to read.
chmod -R u=rwX,go=rX "$lib.new"
[ ! -e "$lib" ] || mv "$lib" "$lib.old"
mv "$lib.new" "$lib"
rm -rf "$lib.old"

link() {
  ln -sf ../lib/walvault/walvault "$bin/.$1.new"
  mv -f "$bin/.$1.new" "$bin/$1"
  echo "$bin/$1"
}
link walvault
[ "${4:-}" != 1 ] || link wal-g
