// Cuts a client that is far too large, or nested so deeply that nothing can go through it: whoever may write one object must not be able
// to fill the memory of the operator, or to break the watch of all clients. The rest of it is refused with words.
import { clusterOf, tenantOf, tenantText } from '@nauthera/rules/tenants'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { tooLarge } from '@nauthera/rules/version-size'
import { fieldsOf, isJsonRecord } from '@nauthera/runtime/json'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { Room, RoomGroup } from '../kubernetes/namespace-room.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'
import { KeysBy } from './keys-by.ts'

/** Characters that a client may have beside its version: of templates and annotations of its Secret, which a mirror has not. */
const mostBeside = 12 * maxVersionBytes
/** Levels; a client that is valid has ten. */
const mostLevels = 32
/** What of a giant is kept: each of its values up to this many characters, such as names and switches. */
const keptCharacters = 1_024

/** Characters that the clients of one tenant may have together. Of one that is served those count which its version cannot have: the
 *  versions have quotas. Of one that nobody serves all count: new ones, and refused ones, which no quota counts. */
const mostOfTenant = 8 * 1024 * 1024
/** Characters of all tenants of a joined cluster. */
const mostOfCluster = 8 * mostOfTenant
/** What a client takes beside its texts. */
const charactersOfAny = 1_024
/** Of a tenant, and of a joined cluster, so many new clients without room are kept, to say so in their status. */
const mostTold = 20
const full = `the clients of this namespace have more than ${mostOfTenant / 1024 ** 2} MiB of text together, and this is one of the youngest`
const noRoom = `${full}; make its templates and annotations smaller`
const noRoomForNew = `${full} that nobody serves; delete those that nobody needs`

/** A crowd of refused clients takes no client away: of one that is served a large text is cut, and it stays as it is served. A new one is
 *  left out.
 *  @param isStored whether a client stands in a shard, by `namespace/name` */
export function roomForClients(isStored: (key: string) => boolean): Room<OIDCClient & KubernetesObject> {
  const isServed = ({ metadata, status }: OIDCClient): boolean =>
    (status?.replicas?.loaded ?? 0) > 0 ||
    status?.secret?.activeId !== undefined ||
    isStored(`${metadata.namespace}/${metadata.name}`)
  const size = ({ metadata, spec }: OIDCClient): number =>
    JSON.stringify([spec, metadata.labels, metadata.annotations]).length
  const excess = (client: OIDCClient): number => Math.max(0, size(client) - maxVersionBytes)
  /** Uids of new clients without room that say so. */
  const told = new KeysBy()
  const isTold = ({ metadata }: OIDCClient): boolean => {
    const groups = groupsOf(metadata)
    const isOne = (group: string) => [...told.of(group)].includes(metadata.uid)
    if (!groups.every(({ name }) => isOne(name) || told.count(name) < mostTold)) return false
    for (const { name } of groups) told.add(name, metadata.uid)
    return true
  }
  return {
    cut: withoutBulk,
    groupsOf: ({ metadata }) => groupsOf(metadata),
    weigh: (client) => (isServed(client) ? excess(client) : charactersOfAny + size(client)),
    trim: (client) => {
      if (!isServed(client)) return isTold(client) ? withoutClaims(cutBulk(client, noRoomForNew)) : undefined
      return excess(client) === 0 ? client : cutBulk(client, noRoom)
    },
    forget: ({ metadata }) => {
      for (const { name } of groupsOf(metadata)) told.remove(name, metadata.uid)
    },
  }
}

function groupsOf(metadata: OIDCClient['metadata']): readonly RoomGroup[] {
  const tenant = tenantOf(metadata)
  const own = { name: tenantText(tenant), most: mostOfTenant }
  // it says itself of which namespace a mirror is, so all of a joined cluster have a bound too
  return tenant.cluster === undefined ? [own] : [own, { name: `${tenant.cluster}_`, most: mostOfCluster }]
}

/** Those that are not kept claim no name, so the few that are kept claim none either. */
function withoutClaims<T extends OIDCClient>(client: T): T {
  const { clientId: _id, resourceServer: _api, ...spec } = client.spec
  return { ...client, spec }
}

/** @returns the client; a giant without its large values, and with what is wrong with it */
export function withoutBulk<T extends KubernetesObject>(object: T): T {
  const { metadata } = object
  if (!('spec' in object)) return object
  const most = clusterOf(metadata.namespace ?? '') === undefined ? mostBeside : 4 * maxVersionBytes
  const { labels, annotations, finalizers } = metadata
  const size = sizeOf([object.spec, labels, annotations, finalizers], most)
  if (size === 'fine') return object
  return cutBulk(object, size === 'deep' ? `must be nested at most ${mostLevels} levels deep` : tooLarge(size).message)
}

/** @param refused what is wrong with it */
function cutBulk<T extends KubernetesObject & { readonly spec: unknown }>(object: T, refused: string): T {
  const { labels, annotations: _annotations, finalizers: _finalizers, ...metadata } = object.metadata
  const kept = labels && sizeOf(labels, keptCharacters) === 'fine' ? { ...metadata, labels } : metadata
  return { ...object, metadata: { ...kept, refused }, spec: withoutLarge(object.spec, 2) }
}

/** Without recursion.
 *  @returns how many characters its texts and names have, where these are too many */
function sizeOf(value: unknown, most: number): 'fine' | 'deep' | number {
  let characters = 0
  let level: unknown[] = [value]
  for (let levels = 0; level.length > 0; levels++) {
    if (levels > mostLevels) return 'deep'
    const next: unknown[] = []
    for (const one of level) {
      characters += typeof one === 'string' ? one.length : 1
      if (typeof one !== 'object' || one === null) continue
      for (const [name, member] of Object.entries(one)) {
        if (!Array.isArray(one)) characters += name.length
        next.push(member)
      }
    }
    level = next
  }
  return characters > most ? characters : 'fine'
}

/** @param levels down to which the small values of a large one are kept */
function withoutLarge(value: unknown, levels: number): object {
  const kept = Object.entries(fieldsOf(value)).flatMap(([name, member]) => {
    if (sizeOf(member, keptCharacters) === 'fine') return [[name, member]]
    const rest = levels > 1 && isJsonRecord(member) ? withoutLarge(member, levels - 1) : undefined
    return rest && sizeOf(rest, keptCharacters) === 'fine' ? [[name, rest]] : []
  })
  return Object.fromEntries(kept)
}
