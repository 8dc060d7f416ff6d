#!/bin/sh
# Starts Sentinel. Its configuration outlives the container, since Sentinel writes into it what it has learnt. Passwords are
# written anew at each start: Sentinel itself writes them back without the quotes that some of them need.
set -eu
. "$(dirname "$0")/peers.sh"

umask 077
if [ ! -e "$DATA/sentinel.conf" ]; then
  until [ -e "$DATA/primary" ]; do sleep 0.2; done
  # shellcheck disable=SC2086 # a count of words
  set -- $PEERS
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
    line "sentinel resolve-hostnames yes"
    line "sentinel announce-hostnames yes"
    line "sentinel announce-ip $SELF"
    line "sentinel announce-port $SENTINEL_PORT"
    line "sentinel monitor $name $(cat "$DATA/primary") $PORT $(($# / 2 + 1))"
    line "sentinel down-after-milliseconds $name ${DOWN_AFTER:-5000}"
    line "sentinel failover-timeout $name $((${DOWN_AFTER:-5000} * 3))" # twice this lies between two attempts
    line "sentinel parallel-syncs $name 1"
  } >"$DATA/sentinel.new"
  mv "$DATA/sentinel.new" "$DATA/sentinel.conf"
fi
{
  grep -vE '^(requirepass|sentinel (auth-pass|sentinel-pass)) ' "$DATA/sentinel.conf"
  line "requirepass $(quoted "$password")"
  line "sentinel sentinel-pass $(quoted "$password")"
  line "sentinel auth-pass $name $(quoted "$password")"
} >"$DATA/sentinel.new"
mv "$DATA/sentinel.new" "$DATA/sentinel.conf"
exec "$VALKEY-server" "$DATA/sentinel.conf" --sentinel
