#!/bin/sh
# probe.sh ready|live|sentinel
set -eu
. "$(dirname "$0")/peers.sh"

case $1 in
  ready) # a primary, or a replica that follows one
    case $(ask "$SELF" "$PORT" ROLE | tr '\n' ' ') in
      master*) ;;
      slave*' connected '*) ;;
      *) exit 1 ;;
    esac
    ;;
  live)
    case $(ask "$SELF" "$PORT" PING) in
      PONG | LOADING* | MASTERDOWN*) ;;
      *) exit 1 ;;
    esac
    # A primary that the Sentinels have left behind starts again and follows the one that they name.
    if [ "$SENTINEL" = yes ] && [ "$(role "$SELF")" = master ]; then
      named=$(voted_primary)
      [ -z "$named" ] || [ "$named" = "$SELF" ] || [ "$(role "$named")" != master ]
    fi
    ;;
  sentinel)
    [ "$(ask "$SELF" "$SENTINEL_PORT" PING)" = PONG ]
    ;;
esac
