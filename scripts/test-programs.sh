#!/bin/sh
# The programs that tests compare with; `make check` and `make test` both run such tests.
set -eu
sh scripts/debian-packages.sh brotli=brotli gpg=gnupg gzip=gzip lz4=lz4 lzop=lzop openssl=openssl tar=tar xz=xz-utils zstd=zstd
