#!/bin/sh
# Makes sure that programs are there: debian-packages.sh PROGRAM=PACKAGE …
# As root on Debian it installs what is missing; elsewhere it names it in one line and goes on (the tests that need it
# are then skipped by name, or fail when CI is set).
set -eu
missing=
for pair in "$@"; do
  program=${pair%%=*}
  case $program in
    /*) [ -e "$program" ] || missing="$missing ${pair#*=}" ;;
    *) command -v "$program" >/dev/null 2>&1 || missing="$missing ${pair#*=}" ;;
  esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing Debian packages:$missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # a list of words
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null
else
  echo "missing programs, some tests will be skipped; install:$missing" >&2
fi
