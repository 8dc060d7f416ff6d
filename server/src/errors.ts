// Every error code of the server. docs/errors.md is generated from this and compared with it. A code is never reused.

export const errorCatalogue = {
  SETTINGS_INVALID: {
    meaning: 'The settings have faults; each is printed with its path. The process exits with 2.',
    remedy: 'Correct the lines that are named and start again.',
  },
  USAGE_INVALID: {
    meaning: 'A command was given an argument that it cannot use. It exits with 2.',
    remedy: 'Correct what is named; `--help` shows how the command is used.',
  },
  STORE_UNAVAILABLE: {
    meaning:
      'PostgreSQL, or the directory that people come from, did not answer in time or refused the connection; the message says which.',
    remedy:
      'Look at PostgreSQL, its network and its number of connections, or at the directory (docs/people.md). A restart of the server does not help.',
  },
  STORE_BEHIND_POOLER: {
    meaning:
      'Notifications of PostgreSQL (LISTEN) do not arrive, because a pooler such as PgBouncer shares its connections. The server does not become ready: a key that is cut off would go on signing.',
    remedy:
      'Set `database.direct` to the address of PostgreSQL itself (docs/database.md), or let the pooler work in its mode `session`.',
  },
  STORE_SCHEMA_OUTDATED: {
    meaning: 'The database is older than this version needs.',
    remedy: 'Run `nauthera migrate up`; in a cluster the init container does.',
  },
  STORE_MIGRATION_FAILED: {
    meaning: 'A migration failed; the database is as it was before that migration.',
    remedy: 'Read the cause beside it, correct it and run `nauthera migrate up` again.',
  },
  BACKUP_INVALID: {
    meaning:
      'The file is not a backup, or it was cut off, changed or damaged; the message says which. Nothing was restored.',
    remedy: 'Take another backup, or copy this one again. `nauthera backup verify` looks at a file.',
  },
  BACKUP_OF_OTHER_RELEASE: {
    meaning: 'The backup was made by a version with another format or schema; the message names it.',
    remedy: 'Restore with the version that is named, then upgrade.',
  },
  RECIPIENT_KEY_INVALID: {
    meaning: 'The certificate, public key or private key of a backup cannot be used, or the backup is for another one.',
    remedy: 'Correct what is named; docs/backup.md says how to make such a key.',
  },
  DATABASE_NOT_EMPTY: {
    meaning: 'A backup is restored only into an empty database, and this one has rows.',
    remedy: 'Stop the servers, and give a new database.',
  },
  CLOCKS_DIFFER: {
    meaning:
      'The clock of this machine and that of the database differ by a minute or more. The server is not ready: it makes no keys and deletes no rows. Commands make no keys either, but `--cut` works.',
    remedy:
      'Set the clock that is wrong: that of the node of this pod or, when all replicas say so, that of PostgreSQL (docs/clocks.md).',
  },
  KEY_RING_INVALID: {
    meaning: 'The directory of key-encryption keys cannot be read, or its files are not a key ring.',
    remedy: 'Mount the Secret `<release>-keys` there: files of 32 bytes each, and `current`, which names one of them.',
  },
  KEY_RING_LACKS_KEY: {
    meaning: 'A row is encrypted under a key-encryption key that this replica does not have.',
    remedy: 'Put the key that is named back into the ring; remove one only after `nauthera keys reencrypt`.',
  },
  SEALED_ROW_DAMAGED: {
    meaning:
      'An encrypted row does not open: it was changed, or moved from another row, or the key-encryption ring has other bytes under that id.',
    remedy:
      'Look whether the ring is the right one. Else restore the row from a backup, or delete it with `nauthera keys give-up`; docs/keys.md says what goes on meanwhile.',
  },
  STORED_VALUE_INVALID: {
    meaning: 'The JSON of a row does not have the shape that this version writes; the message names table and row.',
    remedy: 'Restore the row that is named from a backup.',
  },
  SIGNING_KEYS_INVALID: {
    meaning:
      'The file with signing keys (signing.jwksFile) cannot be read, or has keys that cannot be used; each fault is named. A running server keeps its last good keys; a server that starts waits.',
    remedy: 'Correct what is named. The file is read again by itself; docs/keys.md says what it must be.',
  },
  PASSWORD_QUEUE_FULL: {
    meaning: 'More passwords wait to be checked than this replica can check in time; the answer was 429.',
    remedy: 'Add replicas or processors. Look for a flood of sign-ins first.',
  },
  CONFIG_SOCKET_IN_USE: {
    meaning: 'Another process listens on the socket of the config-agent.',
    remedy: 'Stop the other server, or give each its own `config.socket`.',
  },
  LISTEN_FAILED: {
    meaning: 'The public port could not be opened.',
    remedy: 'Choose another `listen.port`, or stop the process that uses it.',
  },
  TLS_FILE_INVALID: {
    meaning:
      'The certificate or key of `tls` or `mutualTLS.listen` cannot be read or do not belong together, or the authorities of `mutualTLS.caFile` cannot be read.',
    remedy: 'Correct the files; while a server runs it keeps the last good ones.',
  },
  USERNAME_TAKEN: {
    meaning: 'Another account has this user name.',
    remedy: 'Choose another.',
  },
  USERNAME_INVALID: {
    meaning:
      'The user name or the name of a person cannot be used: it is too long, mixes alphabets, or has invisible or look-alike characters.',
    remedy: 'Use a user name in one alphabet, without @ or the same as the e-mail address.',
  },
  EMAIL_INVALID: {
    meaning:
      'The e-mail address cannot be used: it is none, is too long, mixes alphabets, or has invisible or look-alike characters.',
    remedy: 'Write one address, without a name or a comment.',
  },
  EMAIL_TAKEN: {
    meaning: 'Another account has this e-mail address.',
    remedy: 'Choose another, or change that account.',
  },
  USER_UNKNOWN: {
    meaning: 'No account has this name, address or id.',
    remedy: 'Look it up with `nauthera users list`.',
  },
  USER_OF_OTHER_SOURCE: {
    meaning: 'Another source describes this person, so a change here would be undone at the next sign-in.',
    remedy: 'Change the person in that source.',
  },
  GROUP_NAME_INVALID: {
    meaning: 'The name of a group is empty, too long, or has invisible characters.',
    remedy: 'Choose a name of 1 to 200 visible characters.',
  },
  GROUP_UNKNOWN: {
    meaning: 'There is no group of this name in the database.',
    remedy: 'Look it up with `nauthera groups list`. Groups of a directory are changed there.',
  },
  CONSENT_UNKNOWN: {
    meaning: 'The person has allowed this client nothing that is remembered.',
    remedy: 'Look it up with `nauthera consents list USER`.',
  },
  PASSWORD_REFUSED: {
    meaning: 'The new password does not meet the rules.',
    remedy: 'Use 12 to 128 characters, and no common password.',
  },
  INTERACTION_EXPIRED: {
    meaning: 'The sign-in took too long, it was begun in another browser, or its client was changed in the meantime.',
    remedy: 'Start again at the application.',
  },
  INTERACTION_SPENT: {
    meaning: 'This sign-in is complete already: it went on in another tab, or somebody pressed the back button.',
    remedy: 'Start again at the application.',
  },
  SIGN_IN_ENDED: {
    meaning: 'During this sign-in the password was changed, or its session or all sessions of the account were ended.',
    remedy: 'Start again at the application, with the new password.',
  },
  SIGN_IN_LOST: {
    meaning:
      'PostgreSQL stored the end of a sign-in, and its answer was lost: the code for the application does not exist any more. The answer was 503.',
    remedy: 'Start again at the application. Look at PostgreSQL and its network.',
  },
  ADDRESS_NOT_ALLOWED: {
    meaning: 'A URL of a client leads to an address that the server must not send requests to.',
    remedy:
      'Give a URL that resolves to a public address, or let an administrator list the address in `outbound.allow`.',
  },
  UPSTREAM_UNAVAILABLE: {
    meaning:
      'Another provider, at which people sign in, does not answer. The sign-in page says so and offers the other ways.',
    remedy: 'Look at that provider and the way to it; `nauthera doctor` asks each one.',
  },
  UPSTREAM_ANSWER_INVALID: {
    meaning:
      'What another provider answered cannot be trusted: a wrong signature, issuer, audience, time, nonce or state, or no such answer.',
    remedy:
      'Compare `upstreams` in the settings with what is registered at the provider; `nauthera doctor` asks each one.',
  },
  CLIENT_METADATA_INVALID: {
    meaning: 'A client cannot be served as it is; the field and the reason are named.',
    remedy: 'Correct the OIDCClient. Until then its last good version is served.',
  },
  CLIENT_ID_CONFLICT: {
    meaning:
      'Two OIDCClients have the same client id, or the same identifier as an API. The one that is served under it keeps it, and the other one is served in its earlier version.',
    remedy: 'Give the other one a name of its own, or delete the first.',
  },
} as const satisfies Readonly<Record<string, { meaning: string; remedy: string }>>

export type ErrorCode = keyof typeof errorCatalogue

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorCatalogue, code)

declare module '@nauthera/runtime/coded-error' {
  interface ErrorCatalogues extends Readonly<Record<ErrorCode, unknown>> {}
}
