#!/bin/sh
# Ends what a process started, whatever happened to that process: the kernel closes our standard input when it dies,
# even by KILL, and then every process named here is ended and every directory named here is removed.
# Lines: "process PID SIGNAL", "ended PID", "directory PATH", "removed PATH".
processes= directories=
newline='
'
without() { # list, beginning of the entries to leave out
  printf '%s\n' "$1" | while IFS= read -r entry; do
    case $entry in '' | "$2" | "$2 "*) ;; *) printf '%s\n' "$entry" ;; esac
  done
}
alive() { # an ended process whose new parent has not collected it yet is not alive
  kill -0 "$1" 2>/dev/null || return 1
  case $(cat "/proc/$1/stat" 2>/dev/null) in *') Z '*) return 1 ;; esac
}
while IFS=' ' read -r verb value; do
  case $verb in
    process) processes=$processes$newline$value ;;
    ended) processes=$(without "$processes" "$value") ;;
    directory) directories=$directories$newline$value ;;
    removed) directories=$(without "$directories" "$value") ;;
  esac
done
printf '%s\n' "$processes" | while read -r process signal; do [ -n "$process" ] && kill -"$signal" "$process" 2>/dev/null; done
printf '%s\n' "$processes" | while read -r process signal; do
  [ -n "$process" ] || continue
  tries=0
  while alive "$process" && [ $tries -lt 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -KILL "$process" 2>/dev/null
done
printf '%s\n' "$directories" | while IFS= read -r directory; do [ -n "$directory" ] && rm -rf "$directory"; done
