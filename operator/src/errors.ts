/** Every error code of the operator, with meaning and remedy. docs/errors.md is generated from this. */
export const errorCatalogue = {
  SETTINGS_INVALID: {
    meaning: 'The settings file or an environment variable holds a value that cannot be used.',
    remedy: 'Correct each path that the message lists; docs/settings.md names every key.',
  },
  KUBERNETES_CONFIG_INVALID: {
    meaning: 'There is no usable connection to a Kubernetes API: no KUBECONFIG and no service account.',
    remedy: 'Run inside a pod with a service account token, or set KUBECONFIG to a readable file.',
  },
  KUBERNETES_UNREACHABLE: {
    meaning: 'The Kubernetes API did not answer in time or the connection broke.',
    remedy:
      'Nothing at once: the operator tries again. When it lasts, look at the API server and NetworkPolicies: the message names the one of this pod, and docs/hardening.md the ports of each distribution.',
  },
  KUBERNETES_REFUSED: {
    meaning: 'The Kubernetes API answered with an error; status and reason are in the message.',
    remedy: 'For 403 compare the RBAC of the operator with the chart; for 422 look at admission policies.',
  },
  KUBERNETES_ANSWER_INVALID: {
    meaning: 'The Kubernetes API, or a proxy in front of it, answered with something that is not JSON of this API.',
    remedy: 'Look for a proxy between operator and API server; the message names the path.',
  },
  WATCH_SILENT: {
    meaning: 'A watch was silent for so long that it must be broken. It was closed and opened again.',
    remedy: 'Nothing at once. When it repeats, a proxy or firewall drops idle connections.',
  },
  LEASE_LOST: {
    meaning: 'This process could not renew its Lease in time and ended itself; another one takes over.',
    remedy: 'Nothing when it is rare. Otherwise look at the latency of the API server and at CPU throttling.',
  },
  SHARD_UNREADABLE: {
    meaning: 'A client shard in the release namespace is damaged; the operator writes it again.',
    remedy: 'Find out who wrote to the Secret; only the operator should.',
  },
  SHARD_LATER: {
    meaning:
      'A client shard is of a schema that a later version of the operator wrote. It is left as it is: nobody here knows what it says.',
    remedy:
      'Run that version of the operator again. Only when no server of it is left, delete the Secret: it is written again, without the last accepted versions of clients that are refused now.',
  },
  SHARD_TOO_LARGE: {
    meaning: 'There is no room for a client: its shard is full, or what its namespace may have of it is used up.',
    remedy:
      'Its condition Accepted says which. For a full shard shorten the largest OIDCClients, or spread clients over two releases; for a namespace do so there, or raise limits.bytesPerShard in a policy.',
  },
  LINK_INVALID: {
    meaning: 'The certificates for the status port are missing or cannot be read.',
    remedy:
      'With link.mode operator, delete the Secret; the operator makes a new one. Otherwise correct the mounted files.',
  },
  REPLICA_UNREACHABLE: {
    meaning: 'The status port of a server pod does not answer. Until it does, no client counts as live on that pod.',
    remedy: 'Look at the pod, and at NetworkPolicies between the operator and port 9443.',
  },
  KEYS_NOT_CREATED: {
    meaning: 'The key-encryption Secret could not be created.',
    remedy:
      'Give the Job the right to create Secrets in the release namespace, or create the Secret yourself. It tries again for ten minutes. When it has failed, delete the Job: the next sync or upgrade makes it again.',
  },
} as const satisfies Record<string, { meaning: string; remedy: string }>

export type OperatorErrorCode = keyof typeof errorCatalogue

declare module '@nauthera/runtime/coded-error' {
  interface ErrorCatalogues extends Readonly<Record<OperatorErrorCode, unknown>> {}
}
