// Decides which keys of joined clusters' ServiceAccounts servers get, and which are refused. Pure.
import { byAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'
import { isSoundKey, keyIdOf, keyTextOf } from '@nauthera/rules/jwks'
import { fieldsOf, parseJsonRecord } from '@nauthera/runtime/json'
import { nextKeys } from './platform-keys.ts'
import type { Jwk, PlatformKeySet } from './platform-keys.ts'

/** What a joined cluster publishes of its ServiceAccounts' keys, in the ConfigMap that it writes. */
export type PublishedKeys =
  | { readonly kind: 'published'; readonly issuer: string; readonly keys: readonly Jwk[] }
  /** Nothing that can be used: what was told before ends as dropped keys do. */
  | { readonly kind: 'unusable'; readonly why: string }
  /** Nobody can tell now: what was told stays. */
  | { readonly kind: 'unread'; readonly why: string }

/** Keys, and characters of them: those of one cluster leave room for the others in the Secret that servers mount. As much again for those that it
 *  does not publish any more. */
const mostKeys = 8
const mostText = 16 * 1024

/** @param configMap as read; undefined when it is not there */
export function publishedKeys(configMap: unknown): PublishedKeys {
  const { issuer, jwks } = fieldsOf(fieldsOf(configMap)['data'])
  if (typeof issuer !== 'string' || issuer === '' || issuer.length > 2048 || typeof jwks !== 'string')
    return { kind: 'unusable', why: 'it publishes no keys of its ServiceAccounts' }
  const keys: unknown = jwks.length > mostText ? undefined : parseJsonRecord(jwks)?.['keys']
  const sound = Array.isArray(keys) ? keys.filter(isSoundKey).map(ofVerification) : []
  if (sound.length > 0 && sound.length <= mostKeys) return { kind: 'published', issuer, keys: sound }
  return { kind: 'unusable', why: `it publishes no JWK set of 1 to ${mostKeys} keys that can verify a signature` }
}

const members = ['kty', 'crv', 'x', 'y', 'n', 'e', 'alg', 'pub', 'use', 'kid']

/** Whatever else a key has may be as deep or as large as its writer likes. */
const ofVerification = (jwk: Jwk): Jwk =>
  Object.fromEntries(members.flatMap((name) => (typeof jwk[name] === 'string' ? [[name, jwk[name]]] : [])))

/** A joined cluster whose keys are believed. */
export interface BelievedCluster extends Age {
  readonly name: string
  /** Ids of keys that are its own by the word of an administrator. */
  readonly keyIds: readonly string[]
}

/** What servers are told: of this cluster, and by name of joined ones. */
export interface ToldKeys {
  readonly own: PlatformKeySet | undefined
  readonly joined: ReadonlyMap<string, PlatformKeySet>
}

/** @param told `own` is what servers are told now, `joined` what they were told last
 *  @param clusters those that are believed; another one has no keys any more
 *  @returns no key twice: an equal one is this cluster's, else that of the cluster whose OIDCCluster lists it, else that of who had it
 *  before, else that of who joined first; and by cluster what is wrong with its keys */
export function nextClusterKeys(
  told: ToldKeys,
  clusters: readonly (BelievedCluster & { readonly published: PublishedKeys })[],
  now: number,
): { readonly joined: ToldKeys['joined']; readonly faults: ReadonlyMap<string, string> } {
  const ordered = clusters.toSorted(byAge)
  // the oldest last: of two that list one key it has it
  const listed = new Map(ordered.toReversed().flatMap(({ name, keyIds }) => keyIds.map((id) => [id, wordsFor(name)])))
  const holders = new Map<string, string>()
  const hold = (set: PlatformKeySet | undefined, holder: string): void => {
    for (const { jwk } of set?.keys ?? [])
      if (!holders.has(keyTextOf(jwk))) holders.set(keyTextOf(jwk), listed.get(keyIdOf(jwk)) ?? holder)
  }
  for (const { jwk } of told.own?.keys ?? []) holders.set(keyTextOf(jwk), thisCluster)
  for (const { name } of ordered) hold(told.joined.get(name), wordsFor(name))
  const joined = new Map<string, PlatformKeySet>()
  const faults = new Map<string, string>()
  for (const { name, published } of ordered) {
    const next = nextOf(told.joined.get(name), published, now)
    hold(next, wordsFor(name))
    const keys = (next?.keys ?? []).filter(({ jwk }) => holders.get(keyTextOf(jwk)) === wordsFor(name))
    const taken = next?.keys.find(({ jwk }) => holders.get(keyTextOf(jwk)) !== wordsFor(name))
    if (next && keys.length > 0) joined.set(name, { issuer: next.issuer, keys })
    if (published.kind !== 'published') faults.set(name, published.why)
    else if (taken) faults.set(name, equalWords(taken.jwk, holders.get(keyTextOf(taken.jwk)), listed))
  }
  return { joined, faults }
}

/** @param had what a file of a server says of a cluster
 *  @param told what servers are told of it now
 *  @returns whether the server can verify its tokens: it has a key that is still published, or of those that end if none is. Another cluster
 *  may have had the name when the file was written */
export function hasPresentKey(had: PlatformKeySet | undefined, told: PlatformKeySet | undefined): boolean {
  if (!had || had.issuer !== told?.issuer) return false
  const known = new Set(had.keys.map(({ jwk }) => keyTextOf(jwk)))
  const published = told.keys.filter(({ notAfter }) => notAfter === undefined)
  return (published.length > 0 ? published : told.keys).some(({ jwk }) => known.has(keyTextOf(jwk)))
}

const wordsFor = (cluster: string): string => `cluster ${cluster}`

const thisCluster = 'this cluster'

function equalWords(jwk: Jwk, holder: string | undefined, listed: ReadonlyMap<string, string>): string {
  const id = keyIdOf(jwk)
  const isOpen = holder !== thisCluster && !listed.has(id)
  const otherwise = isOpen
    ? `; if ${holder} published a key of this one, list ${id} in spec.keyIds of this OIDCCluster`
    : ''
  return `a key is that of ${holder} too, and is not believed here: one of the two was copied from the other; give this one ServiceAccount keys of its own${otherwise}`
}

function nextOf(told: PlatformKeySet | undefined, published: PublishedKeys, now: number): PlatformKeySet | undefined {
  if (published.kind === 'published') return youngest(nextKeys(told, published, now))
  return published.kind === 'unread' ? told : told && youngest(nextKeys(told, { issuer: told.issuer, keys: [] }, now))
}

/** One that publishes other keys at each look would else fill the Secret of all. The oldest are the last. */
function youngest({ issuer, keys }: PlatformKeySet): PlatformKeySet {
  let room = 2 * mostText
  const isRoom = (jwk: Jwk) => (room -= JSON.stringify(jwk).length) >= 0
  return { issuer, keys: keys.slice(0, 2 * mostKeys).filter(({ jwk }) => isRoom(jwk)) }
}
