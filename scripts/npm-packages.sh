#!/bin/sh
# Makes sure that the packages of a lock file are installed beside it, without their install scripts: npm-packages.sh FOLDER …
# Where that cannot be, it says so in one line and goes on: the tests that need them are then skipped by name, or fail when
# CI is set.
set -eu
for folder in "$@"; do
  stamp=$folder/node_modules/.installed
  cmp -s "$folder/package-lock.json" "$stamp" && continue
  echo "installing npm packages of $folder"
  if (cd "$folder" && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error >/dev/null); then
    cp "$folder/package-lock.json" "$stamp"
  else
    echo "could not install them, some tests will be skipped" >&2
  fi
done
