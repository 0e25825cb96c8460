#!/bin/sh
# Installs what package-lock.json names, unless that has been done. Nothing of it runs scripts of its own.
set -eu
installed=node_modules/.walvault-lock.json
if cmp -s package-lock.json "$installed" 2>/dev/null; then
  exit
fi
command -v npm >/dev/null || {
  echo 'npm is needed to install the dependencies, and there is none in PATH' >&2
  exit 1
}
if [ -d node_modules/.bin ]; then
  # Changes what differs and leaves the rest alone: others may be using it.
  npm install --ignore-scripts --no-save
else
  npm ci --ignore-scripts
fi
cp package-lock.json "$installed"
