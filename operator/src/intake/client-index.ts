import { isDeepStrictEqual } from 'node:util'
import { ageOf, byAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'
import { tenantOf, tenantText } from '@nauthera/rules/tenants'
import type { OIDCClient } from '../api/oidc-client.ts'
import { keyOf, oldestFirst } from '../decide/client/client-names.ts'
import { KeysBy } from './keys-by.ts'
import { limitGroupsOf } from './limit-waits.ts'
import { isCandidate, NameClaims } from './name-claims.ts'
import type { MayClaim } from './name-rights.ts'

/** The clients of this release, and which of them are rivals for a name. */
export interface WatchedClients {
  find(key: string): OIDCClient | undefined
  /** Sets or removes a client. @returns its own key, and those of the few others that it decides about */
  set(key: string, client: OIDCClient | undefined): readonly string[]
  /** The rights of these clients to names may be others: labels of their namespace changed, or their cluster. Default: of all clients, since
   *  policies did. */
  reconsider(keys?: readonly string[]): void
  keys(): Iterable<string>
  all(): Iterable<OIDCClient>
  /** Keys in a namespace, or all. */
  keysIn(namespace: string | undefined): readonly string[]
  /** These keys, and those of the few others that they decide about: their rights to names may be others. */
  around(keys: readonly string[]): Iterable<string>
  /** Whether several ask for a name, with the right to it or not. */
  isContested(name: string): boolean
  /** Keys of those of them that may have it already: they take the place of another one, or their status says that servers have them. */
  candidates(name: string): readonly string[]
  /** The oldest three that may claim a name. */
  best(name: string): readonly OIDCClient[]
  /** Those of its namespace that name the same Secret, itself among them. */
  sharing(key: string): readonly OIDCClient[]
  /** Of those that name this identifier as their resourceServer the best three, and the oldest of all. */
  declaring(identifier: string): readonly OIDCClient[]
  /** Gives a client that no shard has yet its place under the limits, or takes it away. One that comes later does not get that place, though
   *  its time is earlier. */
  admit(key: string, isIn: boolean): void
  isAdmitted(key: string): boolean
  /** Whether the tenant has no place for a client: so many have one, or are older. Of one second the uid decides.
   *  @param hasPlace by key; these count too */
  isTenantFull(client: OIDCClient, limit: number, hasPlace: (key: string) => boolean): boolean
  /** Whether its whole joined cluster has none. */
  isClusterFull(client: OIDCClient, limit: number, hasPlace: (key: string) => boolean): boolean
  readonly size: number
}

/** @param mayClaim whether a client has the right to a name that it asks for, which `reconsider` is told of when it changes; default: as if
 *  everybody had */
export function createClientIndex(mayClaim: MayClaim = () => true): WatchedClients {
  const clients = new Map<string, OIDCClient>()
  const claims = new NameClaims({ find: (key) => clients.get(key), mayClaim })
  /** By namespace, and mirrors by their tenant too: no namespace has the text of such a tenant. */
  const byGroup = new KeysBy()
  const ranks = new AgeRanks()
  const admitted = new Set<string>()

  const isFull = (group: string, client: OIDCClient, limit: number, hasPlace: (key: string) => boolean): boolean => {
    if (byGroup.count(group) <= limit || admitted.has(keyOf(client))) return false
    const members = () => [...byGroup.of(group)].flatMap((each) => clients.get(each) ?? [])
    const rankOf = (one: OIDCClient) => ranks.of(group, one, members)
    const rank = rankOf(client)
    if (rank >= limit) return true
    return members().filter((other) => rankOf(other) < rank || hasPlace(keyOf(other))).length >= limit
  }

  return {
    find: (key) => clients.get(key),
    set: (key, client) => {
      const previous = clients.get(key)
      if (previous && client && decidesTheSame(previous, client) && isCandidate(previous) === isCandidate(client)) {
        clients.set(key, client)
        return [key]
      }
      if (previous?.metadata.uid !== client?.metadata.uid) admitted.delete(key)
      // a client that is edited is as old as before: of a joined cluster that edits all the time, nothing is counted anew
      const isAsOld = isSameAge(previous, client)
      if (previous) {
        if (!isAsOld) ranks.forget(previous)
        claims.remove(previous)
        for (const group of groupsOf(previous)) byGroup.remove(group, key)
        clients.delete(key)
      }
      if (client) {
        if (!isAsOld) ranks.add(client)
        clients.set(key, client)
        claims.add(client)
        for (const group of groupsOf(client)) byGroup.add(group, key)
      }
      return [...new Set([key, ...[previous, client].flatMap((one) => (one ? claims.concernedBy(one) : []))])]
    },
    reconsider: (keys) => claims.reconsider(keys?.flatMap((key) => clients.get(key) ?? [])),
    keys: () => clients.keys(),
    all: () => clients.values(),
    keysIn: (namespace) => [...(namespace === undefined ? clients.keys() : byGroup.of(namespace))],
    around: (keys) => {
      const known = keys.flatMap((key) => clients.get(key) ?? [])
      return new Set([...keys, ...known.flatMap((client) => claims.concernedBy(client))])
    },
    isContested: (name) => claims.isContested(name),
    candidates: (name) => claims.candidates(name),
    best: (name) => claims.best(name),
    sharing: (key) => {
      const client = clients.get(key)
      return client ? claims.sharing(client) : []
    },
    declaring: (identifier) => claims.declaring(identifier),
    admit: (key, isIn) => void (isIn ? admitted.add(key) : admitted.delete(key)),
    isAdmitted: (key) => admitted.has(key),
    isTenantFull: (client, ...about) => isFull(tenantTextOf(client), client, ...about),
    isClusterFull: (client, ...about) => isFull(client.metadata.namespace, client, ...about),
    get size() {
      return clients.size
    },
  }
}

/** Whether nothing changed that matters to rivals, policies or limits: nearly all updates are of the status. */
const decidesTheSame = (one: OIDCClient, other: OIDCClient): boolean =>
  one.spec === other.spec &&
  one.metadata.uid === other.metadata.uid &&
  one.metadata.creationTimestamp === other.metadata.creationTimestamp &&
  one.metadata.moved?.from === other.metadata.moved?.from &&
  one.metadata.refused === other.metadata.refused &&
  isDeepStrictEqual(one.metadata.labels, other.metadata.labels)

/** Whether it is the same object, of the same tenant. */
const isSameAge = (one: OIDCClient | undefined, other: OIDCClient | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  one.metadata.uid === other.metadata.uid &&
  one.metadata.creationTimestamp === other.metadata.creationTimestamp &&
  tenantTextOf(one) === tenantTextOf(other)

const tenantTextOf = ({ metadata }: OIDCClient): string => tenantText(tenantOf(metadata))

const groupsOf = ({ metadata }: OIDCClient): ReadonlySet<string> => limitGroupsOf(metadata)

/** Counts the older clients of a namespace or a tenant on demand. A new client is nearly always the youngest, so the other counts stay. */
class AgeRanks {
  readonly #known = new Map<string, { readonly ranks: Map<string, number>; youngest: Age }>()

  add(client: OIDCClient): void {
    for (const group of groupsOf(client)) {
      const known = this.#known.get(group)
      if (!known) continue
      const age = ageOf(client.metadata)
      if (byAge(known.youngest, age) >= 0) return this.forget(client)
      known.ranks.set(client.metadata.name, known.ranks.size)
      known.youngest = age
    }
  }

  forget(client: OIDCClient): void {
    for (const group of groupsOf(client)) this.#known.delete(group)
  }

  /** @param all the clients of the group */
  of(group: string, { metadata: { name } }: OIDCClient, all: () => OIDCClient[]): number {
    const known = this.#known.get(group) ?? this.#count(group, all())
    return known?.ranks.get(name) ?? 0
  }

  #count(group: string, all: OIDCClient[]) {
    const ordered = oldestFirst(all)
    const youngest = ordered.at(-1)
    if (!youngest) return undefined
    const ranks = new Map(ordered.map(({ metadata }, rank) => [metadata.name, rank]))
    const counted = { ranks, youngest: ageOf(youngest.metadata) }
    this.#known.set(group, counted)
    return counted
  }
}
