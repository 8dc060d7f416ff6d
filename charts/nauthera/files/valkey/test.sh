#!/bin/sh
# helm test: exactly one primary, known to all Sentinels, and it takes a write.
set -eu
. "$(dirname "$0")/peers.sh"

primaries=''
for peer in $PEERS; do
  if [ "$(role "$peer")" = master ]; then primaries="$primaries $peer"; fi
done
# shellcheck disable=SC2086 # a list of host names
set -- $primaries
[ $# -eq 1 ] || { echo "expected one primary, found:$primaries"; exit 1; }
if [ "$SENTINEL" = yes ]; then
  [ "$(voted_primary)" = "$1" ] || { echo "the Sentinels do not name $1"; exit 1; }
fi
[ "$(ask "$1" "$PORT" SET nauthera:test ok EX 60)" = OK ] || { echo "$1 takes no write"; exit 1; }
echo "$1 is the primary and takes writes"
