/** Every error code of the config-agent. A fault of a mounted file is logged with its `code`, and never removes a client. */
export const errorCatalogue = {
  SETTINGS_INVALID: {
    meaning: 'The settings file or an environment variable is wrong; the line before lists every fault.',
    remedy: 'Correct each key that is named; docs/settings.md lists them.',
  },
  MOUNT_UNREADABLE: {
    meaning: 'The directory of the mounted shards cannot be read, or its ..data link leads out of it.',
    remedy: 'Check that the projected volume of the client shards is mounted at clientsDirectory, without subPath.',
  },
  SHARD_MISSING: {
    meaning: 'A shard that was there before is no longer mounted. Its clients stay live.',
    remedy: 'Check that the Secret <release>-clients-NN exists; the operator restores it within a minute.',
  },
  SHARD_NOT_A_FILE: {
    meaning: 'In the place of a shard is a link, a pipe or a directory. The last good version stays live.',
    remedy: 'Mount the Secrets as one projected volume without subPath, and nothing else into that directory.',
  },
  SHARD_TOO_LARGE: {
    meaning:
      'A shard is larger than a Secret can be, or grows past the limit when it is unpacked. The last good version stays.',
    remedy: 'The operator never writes such a shard: look at who else may write the Secret.',
  },
  SHARD_UNREADABLE: {
    meaning: 'A shard is cut, or is not gzip, UTF-8, JSON or a ClientShard. The last good version stays live.',
    remedy: 'The operator restores an edited shard within a minute; if it does not, look at its log.',
  },
  SHARD_MISPLACED: {
    meaning: 'A shard holds clients that belong in another one, or was made for another number of shards.',
    remedy: 'Check that the volume maps each Secret to the file of its own number and release.',
  },
  SHARD_SCHEMA_UNKNOWN: {
    meaning: 'A shard is written in a schema that this version does not read. The last good version stays live.',
    remedy: 'Run an operator of the version of the servers, or upgrade the servers.',
  },
  SHARD_UNSIGNED: {
    meaning:
      'A shard is not signed by the key that the manifest names: somebody else wrote it. The last good version stays.',
    remedy:
      'The operator restores an edited shard within a minute: look at who else may write the Secret. It signs all shards again when its key in <release>-clients-proof was lost.',
  },
  PLATFORM_KEYS_UNSIGNED: {
    meaning:
      'The file of the cluster keys is not signed by the key that the manifest names: somebody else wrote it. The last good one stays.',
    remedy:
      'The operator restores the Secret <release>-clients-issuers within a minute: look at who else may write it.',
  },
  SHARD_TAMPERED: {
    meaning:
      'A shard was changed and kept its number (seq): its digest is not the one of the manifest or of an earlier reading.',
    remedy: 'The operator restores an edited shard within a minute: look at who else may write the Secret.',
  },
  SHARD_OLDER: {
    meaning: 'A shard is older than the one that is live, as after a restore of Secrets. The live one stays.',
    remedy: 'Nothing: the operator sees the newer number and writes the shard again with a higher one.',
  },
  SHARD_MASS_VANISH: {
    meaning:
      'More than half of all clients, and more than 20, are missing, and the manifest does not confirm it. They stay live.',
    remedy: 'If you deleted them, wait for the manifest. If not, find out why the operator no longer sees them.',
  },
  MANIFEST_MISSING: {
    meaning: 'The manifest is not mounted. The last good one stays; a server that starts now does not become ready.',
    remedy: 'Check that the Secret <release>-clients-manifest exists; the operator restores it within a minute.',
  },
  MANIFEST_UNREADABLE: {
    meaning: 'The manifest is cut, not JSON, or does not name each shard once. The last good one stays.',
    remedy: 'The operator restores it within a minute; if it does not, look at its log.',
  },
  MANIFEST_OLDER: {
    meaning:
      'The manifest names older shards than the one before it and than those that are live. The last good one stays.',
    remedy: 'Nothing: the operator writes a newer one.',
  },
  STATE_UNWRITABLE: {
    meaning: 'The last good snapshot cannot be saved: after a restart the agent has only what is mounted then.',
    remedy: 'Give stateDirectory a writable memory volume with free space.',
  },
  CERTIFICATES_UNWRITABLE: {
    meaning: 'The certificates for the server of this pod cannot be written. Renewal is tried again.',
    remedy: 'Give config.tlsDirectory a writable memory volume that agent and server share.',
  },
  LINK_UNUSABLE: {
    meaning: 'The certificates of the status port cannot be used. The last good ones stay.',
    remedy: 'Check the Secret <release>-link: ca.crt, agent.crt and agent.key must belong together.',
  },
  WATCH_DEGRADED: {
    meaning: 'The kernel refuses to watch the directory (inotify limits). Changes are found by the poll every 2 s.',
    remedy:
      'Raise fs.inotify.max_user_instances and max_user_watches on the node, or accept that a change is seen up to 2 s later.',
  },
  SERVER_TOO_OLD: {
    meaning:
      'The server of this pod is of an earlier version than the agent, and would not understand what it is sent.',
    remedy: 'Run agent and server of one version: leave the tags of both images to the chart.',
  },
  SHARD_REFUSED: {
    meaning: 'The server refused a whole shard or the manifest. What it had before stays live.',
    remedy: 'Read the reason in the log line. Run agent and server of one pod at the same version.',
  },
} as const satisfies Record<string, { meaning: string; remedy: string }>

export type AgentErrorCode = keyof typeof errorCatalogue

declare module '@nauthera/runtime/coded-error' {
  interface ErrorCatalogues extends Readonly<Record<AgentErrorCode, unknown>> {}
}
