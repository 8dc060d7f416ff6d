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

umask 077
{
  if [ -n "$tls" ]; then
    echo "port 0"
    echo "tls-port $PORT"
    echo "tls-replication yes"
    echo "tls-cert-file $SECRETS/tls/tls.crt"
    echo "tls-key-file $SECRETS/tls/tls.key"
    echo "tls-ca-cert-file $SECRETS/tls/ca.crt"
    echo "tls-auth-clients optional"
  else
    echo "port $PORT"
  fi
  echo "bind ${BIND:-* -::*}"
  echo "protected-mode no"
  echo "dir $DATA"
  echo 'save ""'
  echo "appendonly no"
  echo "maxmemory ${MAX_MEMORY:-128mb}"
  echo "maxmemory-policy allkeys-lru"
  echo "repl-diskless-sync yes"
  echo "repl-diskless-sync-delay 0"
  echo "requirepass $(quoted "$password")"
  echo "masterauth $(quoted "$password")"
  if [ "$SENTINEL" = yes ]; then
    echo "replica-announce-ip $SELF"
    echo "replica-announce-port $PORT"
    echo "min-replicas-to-write 1"
    echo "min-replicas-max-lag 10"
    if [ "$primary" != "$SELF" ]; then echo "replicaof $primary $PORT"; fi
  fi
} >"$DATA/valkey.conf"
echo "$primary" >"$DATA/primary.new"
mv "$DATA/primary.new" "$DATA/primary"
echo "primary is $primary"
exec "$VALKEY-server" "$DATA/valkey.conf"
