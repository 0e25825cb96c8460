#!/bin/sh
# What `make check` does; every step runs even if one before it failed, so that one run tells everything.
#   check.sh NODE
set -u
node=$1
failed=
PATH=$(dirname "$node"):$PATH
export PATH

step() {
  name=$1
  shift
  started=$(date +%s)
  if "$@"; then
    echo "ok      $name ($(($(date +%s) - started)) s)"
  else
    echo "FAILED  $name"
    failed="$failed $name"
  fi
}

sh scripts/test-programs.sh || failed=" programs"
step format "$node" node_modules/prettier/bin/prettier.cjs --check --log-level warn .
step types "$node" node_modules/typescript/bin/tsc
step lint "$node" node_modules/eslint/bin/eslint.js --cache --cache-location .cache/eslint --max-warnings 0 .
step settings "$node" scripts/settings-docs.ts --check docs/settings.md
step tests "$node" node_modules/vitest/vitest.mjs run --project unit

if [ -n "$failed" ]; then
  echo "make check failed:$failed"
  exit 1
fi
echo 'make check passed'
