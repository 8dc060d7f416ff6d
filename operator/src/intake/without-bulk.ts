// Cuts a client that is far too large, or nested so deeply that nothing can go through it: whoever may write one object must not be able
// to fill the memory of the operator, or to break the watch of all clients. The rest of it is refused with words.
import { clusterOf } from '@nauthera/rules/tenants'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { tooLarge } from '@nauthera/rules/version-size'
import { fieldsOf, isJsonRecord } from '@nauthera/runtime/json'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { Room } from '../kubernetes/namespace-room.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'

/** Characters that a client may have beside its version: of templates and annotations of its Secret, which a mirror has not. */
const mostBeside = 12 * maxVersionBytes
/** Levels; a client that is valid has ten. */
const mostLevels = 32
/** What of a giant is kept: each of its values up to this many characters, such as names and switches. */
const keptCharacters = 1_024

/** Characters that the clients of one namespace may have together which nobody serves: new ones, and refused ones, which no quota counts. */
const mostUnserved = 8 * 1024 * 1024
/** What a client takes beside its texts. */
const charactersOfAny = 1_024

/** Those that are served have room in any case: a crowd of refused ones takes no client away.
 *  @param isStored whether a client stands in a shard, by `namespace/name` */
export const roomForClients = (isStored: (key: string) => boolean): Room<OIDCClient & KubernetesObject> => ({
  most: mostUnserved,
  mustKeep: isStored,
  weigh: ({ metadata, spec, status }) => {
    const isServed = (status?.replicas?.loaded ?? 0) > 0 || status?.secret?.activeId !== undefined
    return isServed ? 0 : charactersOfAny + JSON.stringify([spec, metadata.labels, metadata.annotations]).length
  },
})

/** @returns the client; a giant without its large values, and with what is wrong with it */
export function withoutBulk<T extends KubernetesObject>(object: T): T {
  const { metadata } = object
  if (!('spec' in object)) return object
  const most = clusterOf(metadata.namespace ?? '') === undefined ? mostBeside : 4 * maxVersionBytes
  const { labels, annotations, finalizers, ...kept } = metadata
  const size = sizeOf([object.spec, labels, annotations, finalizers], most)
  if (size === 'fine') return object
  const refused = size === 'deep' ? `must be nested at most ${mostLevels} levels deep` : tooLarge(size).message
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
