#!/bin/sh
# Makes sure that packages of PyPI are in the virtual environment .cache/venv: python-packages.sh NAME==VERSION …
# Where that cannot be, it says so in one line and goes on: the tests that need them are then skipped by name, or fail when
# CI is set.
set -eu
venv=.cache/venv
missing=
for package in "$@"; do
  [ -e "$venv/installed/$package" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
command -v python3 >/dev/null 2>&1 || {
  echo "there is no python3, some tests will be skipped; missing:$missing" >&2
  exit 0
}
if ! [ -x "$venv/bin/pip" ]; then
  mkdir -p .cache
  rm -rf "$venv"
  # Debian has the module venv in a package of its own.
  python3 -c 'import ensurepip' 2>/dev/null || sh scripts/debian-packages.sh none=python3-venv
  python3 -m venv "$venv" || {
    echo "no virtual environment for Python, some tests will be skipped; missing:$missing" >&2
    exit 0
  }
fi
echo "installing Python packages:$missing"
for package in $missing; do
  if "$venv/bin/pip" install -q --disable-pip-version-check --no-warn-script-location "$package"; then
    mkdir -p "$venv/installed"
    : >"$venv/installed/$package"
  else
    echo "could not install $package, some tests will be skipped" >&2
  fi
done
