#!/bin/sh
# Starts Sentinel. Its configuration outlives the container, since Sentinel writes into it what it has learnt.
set -eu
. "$(dirname "$0")/peers.sh"

if [ ! -e "$DATA/sentinel.conf" ]; then
  until [ -e "$DATA/primary" ]; do sleep 0.2; done
  # shellcheck disable=SC2086 # a count of words
  set -- $PEERS
  umask 077
  {
    if [ -n "$tls" ]; then
      line "port 0"
      line "tls-port $SENTINEL_PORT"
      line "tls-replication yes"
      line "tls-cert-file $SECRETS/tls/tls.crt"
      line "tls-key-file $SECRETS/tls/tls.key"
      line "tls-ca-cert-file $SECRETS/tls/ca.crt"
      line "tls-auth-clients optional"
    else
      line "port $SENTINEL_PORT"
    fi
    line "bind ${BIND:-* -::*}"
    line "protected-mode no"
    line "dir $DATA"
    line "requirepass $(quoted "$password")"
    line "sentinel sentinel-pass $(quoted "$password")"
    line "sentinel resolve-hostnames yes"
    line "sentinel announce-hostnames yes"
    line "sentinel announce-ip $SELF"
    line "sentinel announce-port $SENTINEL_PORT"
    line "sentinel monitor $name $(cat "$DATA/primary") $PORT $(($# / 2 + 1))"
    line "sentinel auth-pass $name $(quoted "$password")"
    line "sentinel down-after-milliseconds $name ${DOWN_AFTER:-5000}"
    line "sentinel failover-timeout $name 15000"
    line "sentinel parallel-syncs $name 1"
  } >"$DATA/sentinel.new"
  mv "$DATA/sentinel.new" "$DATA/sentinel.conf"
fi
exec "$VALKEY-server" "$DATA/sentinel.conf" --sentinel
