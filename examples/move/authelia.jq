# The people of Authelia (users_database.yml, as JSON) as JSON lines for `nauthera users import`. How: docs/how-to/move-from-authelia.md.
.users | to_entries[] | {
  username: .key,
  name: .value.displayname,
  email: .value.email,
  emailVerified: (.value.email != null),
  groups: (.value.groups // []),
  disabled: (.value.disabled // false),
  # $pbkdf2-sha512$310000$... of Authelia is $pbkdf2-sha512$i=310000$... here, with + for .
  passwordHash: (.value.password // "" | if startswith("$pbkdf2-")
    then sub("^(?<kind>\\$pbkdf2-sha[0-9]+)\\$(?<count>[0-9]+)\\$"; "\(.kind)$i=\(.count)$") | gsub("\\."; "+")
    else . end)
} | with_entries(select(.value != null and .value != ""))
