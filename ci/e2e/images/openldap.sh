# Process 1 of the OpenLDAP of the end-to-end run. Mounts: /config (slapd.conf, start.ldif), /data, and what slapd.conf names.
set -e
# it reserves memory for each file that it may open, and some nodes allow a billion
ulimit -n 1024
[ -e /data/data.mdb ] || slapadd -q -f /config/slapd.conf -l /config/start.ldif
# with -d it stays in the foreground
exec slapd -f /config/slapd.conf -h 'ldaps://:1636 ldap://:1389' -d 0
