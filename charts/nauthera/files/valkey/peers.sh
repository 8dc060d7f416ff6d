# Sourced by the other scripts: how to ask the pods of the StatefulSet.
# From the pod: SELF (my host name), PEERS (all host names in the order of their ordinals), SENTINEL (yes or no).
# Tests replace: VALKEY (prefix of the programs), DATA, SECRETS, PORT, SENTINEL_PORT.
: "${VALKEY:=valkey}" "${DATA:=/data}" "${SECRETS:=/var/run/nauthera}" "${PORT:=6379}" "${SENTINEL_PORT:=26379}"
name=nauthera
password=$(cat "$SECRETS/auth/password")
export REDISCLI_AUTH="$password" # by environment of this process only: an argument would show in the process list
tls=''
if [ -e "$SECRETS/tls/tls.crt" ]; then
  tls="--tls --cert $SECRETS/tls/tls.crt --key $SECRETS/tls/tls.key --cacert $SECRETS/tls/ca.crt"
fi

ask() { # ask HOST PORT COMMAND...: the answer, one element a line; empty when there is none within 2 s
  ask_host=$1 ask_port=$2
  shift 2
  # shellcheck disable=SC2086 # $tls is a list of arguments
  timeout 2 "$VALKEY-cli" $tls -h "$ask_host" -p "$ask_port" "$@" 2>/dev/null || true
}

role() { ask "$1" "$PORT" ROLE | head -n 1; } # master, slave or empty

voted_primary() { # the primary that most Sentinels name, when it is more than half of all of them
  votes=''
  for peer in $PEERS; do
    votes="$votes$(ask "$peer" "$SENTINEL_PORT" SENTINEL GET-MASTER-ADDR-BY-NAME "$name" | head -n 1)
"
  done
  printf '%s' "$votes" | sort | uniq -c | sort -rn | while read -r count host; do
    case $host in '' | *[!A-Za-z0-9.:-]*) continue ;; esac
    # shellcheck disable=SC2086 # a count of words
    set -- $PEERS
    if [ "$count" -gt $(($# / 2)) ]; then echo "$host"; fi
    break
  done
}

running_primary() { # a peer that says it is the primary
  for peer in $PEERS; do
    if [ "$peer" != "$SELF" ] && [ "$(role "$peer")" = master ]; then
      echo "$peer"
      return
    fi
  done
}

quoted() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; } # a word of a configuration file
line() { printf '%s\n' "$*"; } # echo would take backslashes apart
