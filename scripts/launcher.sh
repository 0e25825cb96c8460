#!/bin/sh
# Starts walvault with the Node beside it. Uses nothing but the shell itself: the server that calls it may have no PATH.
case $0 in
*/*) self=$0 ;;
*) self=./$0 ;;
esac
lib=${self%/*}/lib
# PREFIX/bin/walvault, a link to ../lib/walvault/walvault: found without a program that reads links.
[ -f "$lib/main.js" ] || lib=${self%/*}/../lib/walvault/lib
if [ ! -f "$lib/main.js" ]; then
  target=$self
  hops=0
  while [ -L "$target" ] && [ "$hops" -lt 40 ]; do
    hops=$((hops + 1))
    next=
    for readlink in /usr/bin/readlink /bin/readlink readlink; do
      next=$("$readlink" "$target" 2>/dev/null) && [ -n "$next" ] && break
    done
    case $next in
    '') break ;;
    /*) target=$next ;;
    *) target=${target%/*}/$next ;;
    esac
  done
  lib=${target%/*}/lib
fi
if [ ! -f "$lib/main.js" ]; then
  echo "walvault: its files are missing; expected them in ${lib}" >&2
  # As a shell says of a command that is not there: a server that asks for WAL must not take it for an answer.
  exit 127
fi
# Node forgets that a signal was to be ignored (nohup); the shell knows: such a signal cannot be trapped.
hup=nohup
trap 'hup=hup' HUP
kill -HUP $$
trap - HUP
# A compiler in the background that waits for memory when the program ends stops Node for ever (--no-concurrent-sparkplug).
# The bulk is in buffers that are reused. With a large young generation V8 would only collect garbage later; the code
# cache is made with the same switches (scripts/pack.ts), or V8 would refuse it.
exec "$lib/node" --no-concurrent-sparkplug --max-semi-space-size=4 "$lib/main.js" --launched-as "$self" "$hup" "$@"
