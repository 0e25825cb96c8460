#!/bin/sh
# What `make test-peers` does: builds MinIO and fake-gcs-server by Go into .cache/go, where there is Go, and runs the contract
# of storages against them. What is missing is skipped by name.
#   test-peers.sh NODE [FILE …]
set -eu
node=$1
shift
PATH=$(dirname "$node"):$PATH
export PATH
bin=$(pwd)/.cache/go/bin

# go_program NAME MODULE@VERSION
go_program() {
  [ ! -x "$bin/$1" ] || return 0
  command -v go >/dev/null 2>&1 || {
    echo "there is no go, tests with $1 will be skipped" >&2
    return 0
  }
  echo "building $1 by Go; this takes some minutes"
  mkdir -p "$bin"
  GOBIN=$bin nice go install "$2" || echo "could not build $1, its tests will be skipped" >&2
}

go_program fake-gcs-server github.com/fsouza/fake-gcs-server@v1.56.1
go_program minio github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
exec "$node" node_modules/vitest/vitest.mjs run --config test/peers/vitest.config.ts --root . "$@"
