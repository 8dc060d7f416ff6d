// Every limit of time and size. CRDs, policies and server read it here.

/** From, to: both included, in seconds. */
export interface Span {
  readonly least: number
  readonly most: number
}

const minute = 60
const hour = 60 * minute
const day = 24 * hour

export const tokenLife = {
  /** A signing key stays published for this long. */
  access: { least: minute, most: day },
  id: { least: minute, most: day },
  /** Unused. A family of refresh tokens ends this long after the sign-in in any case, so no token can be left longer. */
  refresh: { least: 5 * minute, most: 90 * day },
} as const satisfies Readonly<Record<string, Span>>

/** How long a token is valid when neither its client nor a policy says so. Seconds. */
export const usualTokenLife = {
  access: 5 * minute,
  id: 10 * minute,
  /** Unused. */
  refresh: 30 * day,
} as const

/** How long the refresh token of a client without authentication may stay unused when the person allowed no `offline_access`. Seconds. */
export const publicRefreshMost = day

export const rotationTimes = {
  interval: { least: hour, most: 365 * day },
  overlap: { least: minute, most: 7 * day },
  window: { least: 5 * minute, most: 7 * day },
} as const satisfies Readonly<Record<string, Span>>

/** Characters of a nonce that may stand in for PKCE. The floor is ours: a shorter one might be a counter. */
export const leastNonce = 16

/** Characters of what an API says of one of its scopes. */
export const apiTextLength = { title: 80, description: 300 } as const

/** Characters of metadata.name: it leaves room for `<name>-oidc` and what else is built from it. */
export const maxNameLength = 120

/** Redirect URIs of a client, and the origins of its scripts, which are those of its redirect URIs where it names none. */
export const mostRedirectUris = 50

/** Scopes of a client. */
export const mostScopes = 50

/** Bytes of one version of a client as a server is told it, UTF-8. What other clients grant it is not part of it. */
export const maxVersionBytes = 16 * 1024

/** What a joined cluster may have as a whole, where its OIDCCluster says no other number. */
export const clusterLimits = { clients: 2_000, shardBytes: 128 * 1024 } as const

/** Characters of the name of an OIDCCluster: `nauthera-cluster-<name>` is a namespace. */
export const maxClusterName = 46

/** What one namespace may have, where no policy says another number. */
export const namespaceLimits = {
  /** OIDCClients. A lower limit does not remove clients that are already served. */
  clients: 500,
  /** Bytes of each of the 16 shards, compressed. */
  shardBytes: 64 * 1024,
} as const

/** How long tokens may be valid at most, in seconds; an access token of 0 has no limit. */
export interface TokenLimits {
  readonly platform: number
  readonly access: number
}
