#!/bin/sh
# helm test: exactly one primary, known to all Sentinels, and it takes a write. Tried for 30 s: what a NetworkPolicy allows
# to a new pod, it allows a moment after the start.
set -eu
. "$(dirname "$0")/peers.sh"

check() { # prints what is wrong, nothing when all is well
  primaries=''
  for peer in $PEERS; do
    if [ "$(role "$peer")" = master ]; then primaries="$primaries $peer"; fi
  done
  # shellcheck disable=SC2086 # a list of host names
  set -- $primaries
  if [ $# -ne 1 ]; then
    echo "expected one primary, found:$primaries"
  elif [ "$SENTINEL" = yes ] && [ "$(voted_primary)" != "$1" ]; then
    echo "the Sentinels do not name $1"
  elif [ "$(ask "$1" "$PORT" SET nauthera:test ok EX 60)" != OK ]; then
    echo "$1 takes no write"
  fi
}

left=${TEST_TRIES:-15}
until fault=$(check) && [ -z "$fault" ]; do
  left=$((left - 1))
  [ "$left" -gt 0 ] || { echo "$fault"; exit 1; }
  sleep 2
done
echo "one primary, and it takes writes"
