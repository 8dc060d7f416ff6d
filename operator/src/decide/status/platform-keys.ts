// Decides which keys of this cluster's ServiceAccount issuer servers get. Pure.

export type Jwk = Readonly<Record<string, unknown>>

export interface PlatformKeySet {
  /** What `iss` is in those tokens. */
  readonly issuer: string
  readonly keys: readonly {
    readonly jwk: Jwk
    /** The API server does not publish it any more: it ends then, epoch milliseconds. */
    readonly notAfter?: number
  }[]
}

/** How long a key still verifies after the API server stopped publishing it. Milliseconds. */
const droppedMs = 600_000

/** @param told what servers were told last
 *  @param read what the API server publishes now
 *  @returns what to tell servers. Keys of a former issuer end at once */
export function nextKeys(
  told: PlatformKeySet | undefined,
  read: { readonly issuer: string; readonly keys: readonly Jwk[] },
  now: number,
): PlatformKeySet {
  const before = told?.issuer === read.issuer ? told.keys : []
  const isPublished = (jwk: Jwk) => read.keys.some((key) => textOf(key) === textOf(jwk))
  const dropped = before
    .filter(({ jwk }) => !isPublished(jwk))
    .map(({ jwk, notAfter = Infinity }) => ({ jwk, notAfter: Math.min(notAfter, now + droppedMs) }))
    .filter(({ notAfter }) => notAfter > now)
  return { issuer: read.issuer, keys: [...read.keys.map((jwk) => ({ jwk })), ...dropped] }
}

/** Members of a JWK are texts and lists of them, in any order. */
const textOf = (jwk: Jwk): string =>
  JSON.stringify(Object.entries(jwk).toSorted(([left], [right]) => (left < right ? -1 : 1)))

/** Whether the servers can verify the platform's tokens of a client. */
export type PlatformStanding =
  | { readonly kind: 'ready' }
  /** These replicas have yet to hear which keys the cluster has. */
  | { readonly kind: 'waiting'; readonly replicas: readonly string[] }
  /** The operator cannot read them. */
  | { readonly kind: 'unreadable'; readonly why: string }

/** What a server said of the platform keys that it has. */
interface PlatformReport {
  readonly digest: string
  readonly bySettings: boolean
}

/** @param replicas those that are there, as they said last
 *  @param about.isKnown whether a server with these keys can verify the tokens of the client
 *  @param about.fault why the operator cannot read the keys that they need */
export function platformStanding(
  replicas: readonly {
    readonly replica: string
    readonly serverConnected: boolean
    readonly platform?: PlatformReport | undefined
  }[],
  about: { readonly isKnown: (platform: PlatformReport | undefined) => boolean; readonly fault: string | undefined },
): PlatformStanding {
  const lacking = replicas.filter(({ serverConnected, platform }) => serverConnected && !about.isKnown(platform))
  if (lacking.length === 0) return { kind: 'ready' }
  return about.fault === undefined
    ? { kind: 'waiting', replicas: lacking.map(({ replica }) => replica) }
    : { kind: 'unreadable', why: about.fault }
}

/** Whether a server knows the keys of its own cluster. */
export const knowsOwnCluster = (platform: PlatformReport | undefined): boolean =>
  platform !== undefined && (platform.bySettings || platform.digest !== '')
