#!/bin/sh
# Starts Valkey as primary or as replica. Two primaries at once are worse than none: only the first pod may appoint itself,
# when nobody answers and it has never seen a Sentinel configuration. Whoever is alone accepts no writes all the same.
set -eu
. "$(dirname "$0")/peers.sh"

first=${PEERS%% *}
resolvable() { # a peer that has a name has been started, so it has to be heard
  for peer in $PEERS; do
    if [ "$peer" != "$SELF" ] && getent hosts "$peer" >/dev/null 2>&1; then return 0; fi
  done
  return 1
}

primary=''
tries=0
while [ -z "$primary" ] && [ "$SENTINEL" = yes ]; do
  primary=$(voted_primary)
  [ -n "$primary" ] || primary=$(running_primary)
  if [ -z "$primary" ] && [ "$SELF" = "$first" ] && [ ! -e "$DATA/sentinel.conf" ]; then
    if [ "$tries" -ge "${START_TRIES:-8}" ] || ! resolvable; then primary=$SELF; fi
  fi
  tries=$((tries + 1))
  if [ -z "$primary" ]; then
    echo "no primary is known yet; asking again"
    sleep 1
  fi
done
[ -n "$primary" ] || primary=$SELF

# A primary that is cut off stops taking writes at most 2 s after this, a second before the Sentinels can have put another in
# its place. Seconds.
max_lag=$((${DOWN_AFTER:-5000} / 1000 - 2))
[ "$max_lag" -ge 1 ] || max_lag=1

umask 077
{
  if [ -n "$tls" ]; then
    line "port 0"
    line "tls-port $PORT"
    line "tls-replication yes"
    line "tls-cert-file $SECRETS/tls/tls.crt"
    line "tls-key-file $SECRETS/tls/tls.key"
    line "tls-ca-cert-file $SECRETS/tls/ca.crt"
    line "tls-auth-clients optional"
  else
    line "port $PORT"
  fi
  line "bind ${BIND:-* -::*}"
  line "protected-mode no"
  line "dir $DATA"
  line 'save ""'
  line "appendonly no"
  line "maxmemory ${MAX_MEMORY:-128mb}"
  line "maxmemory-policy allkeys-lru"
  line "repl-diskless-sync yes"
  line "repl-diskless-sync-delay 0"
  line "requirepass $(quoted "$password")"
  line "masterauth $(quoted "$password")"
  if [ "$SENTINEL" = yes ]; then
    line "replica-announce-ip $SELF"
    line "replica-announce-port $PORT"
    line "min-replicas-to-write 1"
    line "min-replicas-max-lag $max_lag"
    if [ "$primary" != "$SELF" ]; then line "replicaof $primary $PORT"; fi
  fi
} >"$DATA/valkey.conf"
echo "$primary" >"$DATA/primary.new"
mv "$DATA/primary.new" "$DATA/primary"
echo "primary is $primary"
exec "$VALKEY-server" "$DATA/valkey.conf"
