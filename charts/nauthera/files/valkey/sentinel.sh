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
      echo "port 0"
      echo "tls-port $SENTINEL_PORT"
      echo "tls-replication yes"
      echo "tls-cert-file $SECRETS/tls/tls.crt"
      echo "tls-key-file $SECRETS/tls/tls.key"
      echo "tls-ca-cert-file $SECRETS/tls/ca.crt"
      echo "tls-auth-clients optional"
    else
      echo "port $SENTINEL_PORT"
    fi
    echo "bind ${BIND:-* -::*}"
    echo "protected-mode no"
    echo "dir $DATA"
    echo "requirepass $(quoted "$password")"
    echo "sentinel sentinel-pass $(quoted "$password")"
    echo "sentinel resolve-hostnames yes"
    echo "sentinel announce-hostnames yes"
    echo "sentinel announce-ip $SELF"
    echo "sentinel announce-port $SENTINEL_PORT"
    echo "sentinel monitor $name $(cat "$DATA/primary") $PORT $(($# / 2 + 1))"
    echo "sentinel auth-pass $name $(quoted "$password")"
    echo "sentinel down-after-milliseconds $name ${DOWN_AFTER:-5000}"
    echo "sentinel failover-timeout $name 15000"
    echo "sentinel parallel-syncs $name 1"
  } >"$DATA/sentinel.new"
  mv "$DATA/sentinel.new" "$DATA/sentinel.conf"
fi
exec "$VALKEY-server" "$DATA/sentinel.conf" --sentinel
