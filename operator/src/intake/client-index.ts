import { isDeepStrictEqual } from 'node:util'
import { ageOf, byAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'
import { tenantOf, tenantText } from '@nauthera/rules/tenants'
import type { OIDCClient } from '../api/oidc-client.ts'
import { clientIdOf, keyOf, oldestFirst } from '../decide/client/client-names.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import { KeysBy } from './keys-by.ts'
import { limitGroupsOf } from './limit-waits.ts'

/** The clients of this release, and which of them are rivals for a name. */
export interface WatchedClients {
  find(key: string): OIDCClient | undefined
  /** Sets or removes a client. @returns its own key and those of its rivals before and after */
  set(key: string, client: OIDCClient | undefined): readonly string[]
  keys(): Iterable<string>
  all(): Iterable<OIDCClient>
  /** Keys in a namespace, or all. */
  keysIn(namespace: string | undefined): readonly string[]
  /** The client and its rivals: all that claim the same id, identifier or Secret, directly or through others. */
  rivals(key: string): readonly OIDCClient[]
  /** The keys of the rivals. All rivals share one list until something changes that decides between them. */
  rivalKeys(key: string): readonly string[]
  /** Those that name this identifier as their resourceServer. */
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

export function createClientIndex(): WatchedClients {
  const clients = new Map<string, OIDCClient>()
  const byClaim = new KeysBy()
  /** By namespace, and mirrors by their tenant too: no namespace has the text of such a tenant. */
  const byGroup = new KeysBy()
  /** Rivals of more than one client, by the key of each. */
  const groups = new Map<string, readonly string[]>()
  const ranks = new AgeRanks()
  const admitted = new Set<string>()

  const rivalKeys = (key: string): readonly string[] => {
    const known = groups.get(key)
    if (known) return known
    const group = rivalsFrom(key, clients, byClaim)
    if (group.length > 1) for (const each of group) groups.set(each, group)
    return group
  }

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
      if (previous && client && decidesTheSame(previous, client)) {
        clients.set(key, client)
        return [key]
      }
      if (previous?.metadata.uid !== client?.metadata.uid) admitted.delete(key)
      const touched = new Set(rivalKeys(key))
      // a client that is edited is as old as before: of a joined cluster that edits all the time, nothing is counted anew
      const isAsOld = isSameAge(previous, client)
      if (previous) {
        if (!isAsOld) ranks.forget(previous)
        for (const claim of claimsOf(previous)) byClaim.remove(claim, key)
        for (const group of groupsOf(previous)) byGroup.remove(group, key)
        clients.delete(key)
      }
      for (const each of touched) groups.delete(each)
      if (client) {
        if (!isAsOld) ranks.add(client)
        clients.set(key, client)
        for (const claim of claimsOf(client)) {
          // its new rivals form a new group
          for (const rival of byClaim.of(claim)) for (const each of groups.get(rival) ?? []) groups.delete(each)
          byClaim.add(claim, key)
        }
        for (const group of groupsOf(client)) byGroup.add(group, key)
        for (const rival of rivalKeys(key)) touched.add(rival)
      }
      return [...touched]
    },
    keys: () => clients.keys(),
    all: () => clients.values(),
    keysIn: (namespace) => [...(namespace === undefined ? clients.keys() : byGroup.of(namespace))],
    rivals: (key) => rivalKeys(key).flatMap((each) => clients.get(each) ?? []),
    rivalKeys,
    declaring: (identifier) =>
      [...byClaim.of(nameClaim(identifier))].flatMap((key) => {
        const client = clients.get(key)
        return client?.spec.resourceServer?.identifier === identifier ? [client] : []
      }),
    admit: (key, isIn) => void (isIn ? admitted.add(key) : admitted.delete(key)),
    isAdmitted: (key) => admitted.has(key),
    isTenantFull: (client, ...about) => isFull(tenantTextOf(client), client, ...about),
    isClusterFull: (client, ...about) => isFull(client.metadata.namespace, client, ...about),
    get size() {
      return clients.size
    },
  }
}

/** @returns the client, those that claim what it claims, those that claim what they claim, and so on */
function rivalsFrom(
  key: string,
  clients: ReadonlyMap<string, OIDCClient>,
  byClaim: Pick<KeysBy, 'of'>,
): readonly string[] {
  const found = new Set<string>([key])
  const followed = new Set<string>()
  for (const each of found) {
    const client = clients.get(each)
    for (const claim of client ? claimsOf(client) : []) {
      if (followed.has(claim)) continue
      followed.add(claim)
      for (const rival of byClaim.of(claim)) found.add(rival)
    }
  }
  return [...found]
}

function claimsOf(client: OIDCClient): string[] {
  const identifier = client.spec.resourceServer?.identifier
  // a client of a joined cluster has no Secret here
  const isHere = tenantOf(client.metadata).cluster === undefined
  const secrets = isHere ? [`secret ${client.metadata.namespace}/${secretNameOf(client)}`] : []
  return [nameClaim(clientIdOf(client)), ...secrets, ...(identifier === undefined ? [] : [nameClaim(identifier)])]
}

/** Client ids and identifiers of APIs are one space of names. */
const nameClaim = (name: string): string => `name ${name}`

/** Whether nothing changed that matters to rivals, policies or limits: nearly all updates are of the status. */
const decidesTheSame = (one: OIDCClient, other: OIDCClient): boolean =>
  one.spec === other.spec &&
  one.metadata.uid === other.metadata.uid &&
  one.metadata.creationTimestamp === other.metadata.creationTimestamp &&
  one.metadata.moved?.from === other.metadata.moved?.from &&
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
