// Names that several processes, the chart and people rely on.

export const apiGroup = 'auth.nauthera.io'
export const apiVersion = 'v1alpha1'

export const labels = {
  /** On an application's Secret: the name of its OIDCClient. */
  client: `${apiGroup}/client`,
  /** On shards: `clients`. */
  component: `${apiGroup}/component`,
  managedBy: 'app.kubernetes.io/managed-by',
} as const

export const managedByOperator = 'nauthera-operator'
export const clientsComponent = 'clients'

export const annotations = {
  /** Uid of the OIDCClient that the Secret was written for. */
  clientUid: `${apiGroup}/client-uid`,
  /** Uid of the earlier OIDCClient of this name of which that one is restored; left out for all others. */
  restoredFrom: `${apiGroup}/restored-from`,
  /** Proves to the operators of this release that one of them wrote all that the annotations say, for this client and this Secret. */
  proof: `${apiGroup}/proof`,
  /** First 8 hex of the SHA-256 of the secret that the Secret holds. */
  secretId: `${apiGroup}/secret-id`,
  /** RFC 3339, when that secret was published. */
  rotatedAt: `${apiGroup}/rotated-at`,
  /** SHA-256 of the uncompressed content, 64 hex. */
  contentDigest: `${apiGroup}/content-digest`,
  /** JSON list of `{id, sha256, notAfter}`: each valid secret. */
  verifiers: `${apiGroup}/verifiers`,
  /** JSON `{trigger, annotation, revoke}`: the requests for a rotation that are done. Stored here, so that publishing a
   *  secret and marking the request as done is one write. */
  observed: `${apiGroup}/observed`,
  /** Changed before an unpublished verifier is dropped: a former leader that still wants to publish it gets a
   *  conflict. */
  fence: `${apiGroup}/fence`,
  /** On a server pod: a change makes the kubelet update the pod's Secret volumes at once (the nudge). */
  clientsRevision: `${apiGroup}/clients-revision`,
  /** On an OIDCClient: a person asks for a rotation. The operator never removes it. */
  rotate: `${apiGroup}/rotate`,
  /** On the operators' Lease: how often in a row it ended without being given back, soon after it was taken. */
  losses: `${apiGroup}/losses`,
  /** On an OIDCClient: `true` says that it was restored from a backup, so that it may go on with the Secret that was restored with it. */
  restored: `${apiGroup}/restored`,
} as const

export const fieldManagers = { operator: 'nauthera-operator', status: 'nauthera-operator-status' } as const

/** In a cluster's namespace of the hub: the Lease and the ConfigMap that the operator of that cluster writes. */
export const spokeName = 'nauthera-spoke'

/** A power of two. */
export const shardCount = 16
/** The form of ClientShard that this code reads and writes. */
export const shardSchema = 1

const twoDigits = (shard: number): string => String(shard).padStart(2, '0')

/** The file of a shard in the mounted directory, and the key of its Secret: `07.json.gz`. */
export const shardFile = (shard: number): string => `${twoDigits(shard)}.json.gz`
/** Beside a file, in the same Secret: that the operator wrote it. */
export const signatureFile = (file: string): string => `${file}.sig`
export const manifestFile = 'manifest.json'
/** What signs the tokens of this cluster's ServiceAccounts. */
export const platformKeysFile = 'issuers.json'

/** The Secret of a shard: `<release>-clients-07`. */
export const shardSecretName = (release: string, shard: number): string => `${release}-clients-${twoDigits(shard)}`
export const manifestSecretName = (release: string): string => `${release}-clients-manifest`
export const issuersSecretName = (release: string): string => `${release}-clients-issuers`
/** The key of the proofs in applications' Secrets; nobody but the operator reads it. */
export const proofSecretName = (release: string): string => `${release}-clients-proof`
export const linkSecretName = (release: string): string => `${release}-link`
export const keysSecretName = (release: string): string => `${release}-keys`

/** DNS names in the certificates of the status port. Peers check this name, not the address. */
export const linkDnsName = (part: 'agent' | 'operator', release: string, namespace: string): string =>
  `${release}-${part}.${namespace}`

/** Name of the container port of a server pod on which StatusService listens. */
export const statusPortName = 'status'

/** Inside the pod. */
export const podPaths = {
  clients: '/var/run/nauthera/clients',
  link: '/var/run/nauthera/link',
  configSocket: '/run/nauthera/config.sock',
  configTls: '/run/nauthera/tls',
} as const
/** DNS names in the two certificates of the pod-local CA: one is the server's, the other the agent's. */
export const podLocalNames = { server: 'server.nauthera.internal', agent: 'agent.nauthera.internal' } as const
export const configTlsFiles = { ca: 'ca.crt', cert: 'server.crt', key: 'server.key' } as const
export const linkFiles = {
  ca: 'ca.crt',
  caKey: 'ca.key',
  agentCert: 'agent.crt',
  agentKey: 'agent.key',
  operatorCert: 'operator.crt',
  operatorKey: 'operator.key',
} as const
