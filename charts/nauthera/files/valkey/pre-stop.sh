#!/bin/sh
# Before the end of a primary: hand over, and wait for it. `pre-stop.sh sentinel` only waits, so that the pod's Sentinel
# takes part in the vote.
set -eu
. "$(dirname "$0")/peers.sh"

left=${STOP_SECONDS:-20}
while [ "$left" -gt 0 ] && [ "$(role "$SELF")" = master ]; do
  if [ "${1:-node}" = node ]; then
    case $(ask "$SELF" "$PORT" INFO replication | tr -d '\r') in
      *connected_slaves:0*) exit 0 ;; # nobody to hand over to
    esac
    ask "$SELF" "$SENTINEL_PORT" SENTINEL FAILOVER "$name" >/dev/null
  fi
  sleep 1
  left=$((left - 1))
done
