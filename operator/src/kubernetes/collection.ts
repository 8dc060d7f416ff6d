// Lists a collection in pages, and computes what a list or a watch event changes in its copy.
import { isDeepStrictEqual } from 'node:util'
import { apiGroup } from '@nauthera/proto/names'
import { fieldsOf, hasShape, isOneOf } from '@nauthera/runtime/json'
import { ApiError, isUnreadable } from './api-error.ts'
import type { KubeConnection } from './connection.ts'
import type { NamespaceRoom } from './namespace-room.ts'
import { isObject, keyOf } from './objects.ts'
import type { KubernetesObject, ListAnswer, ObjectMeta } from './objects.ts'

export type CollectionChange<T> =
  | { readonly kind: 'added'; readonly key: string; readonly object: T }
  | { readonly kind: 'updated'; readonly key: string; readonly object: T; readonly previous: T }
  | { readonly kind: 'deleted'; readonly key: string; readonly previous: T }

export interface Listed<T> {
  readonly items: readonly T[]
  /** Where the watch continues. */
  readonly resourceVersion: string
}

const eventTypes = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'] as const

export interface CollectionEvent<T> {
  readonly type: (typeof eventTypes)[number]
  readonly object: T
}

const pageSize = 500
/** Of large objects: 500 of them are more than an answer may have, and these never are. */
const smallPageSize = 20

/** @param about.unpaged reads everything in one answer
 *  @param about.cut applied to each object of a page before the next page is read
 *  @param about.room says which objects are listed at all
 *  @throws ApiError */
export async function listAll<T extends KubernetesObject>(
  connection: Pick<KubeConnection, 'call'>,
  about: {
    path: string
    query: Readonly<Record<string, string>>
    unpaged: boolean
    signal: AbortSignal
    cut?: Keep<T>
    room?: NamespaceRoom<T> | undefined
  },
): Promise<Listed<T>> {
  const { path, signal, room, cut = room ? (object: T) => room.cut(object) : asItIs } = about
  const items = new Map<string, T>()
  for (let next: string | undefined; ;) {
    const read = (limit: string | undefined) => {
      const query = { ...about.query, limit, continue: next }
      return connection.call<ListAnswer<T>>({ method: 'GET', path, query, lane: 'page', signal })
    }
    const page = about.unpaged
      ? await read(undefined)
      : await read(String(pageSize)).catch((error: unknown) => {
          if (!isUnreadable(error)) throw error
          return read(String(smallPageSize))
        })
    if (!Array.isArray(page.items) && page.items !== null) throw invalid(`${path}: a list without items`)
    for (const item of page.items ?? []) {
      if (!isObject<T>(item)) throw invalid(`${path}: a list with an item that is no object`)
      const object = cut({ ...item, metadata: metadataRead(item) })
      items.set(keyOf(object), object)
      for (const out of room?.place(object) ?? []) {
        const before = items.get(out)
        const left = before && room?.trim(before)
        if (left) items.set(out, left)
        else items.delete(out)
      }
    }
    next = page.metadata?.continue || undefined
    if (next !== undefined) continue
    const resourceVersion = page.metadata?.resourceVersion
    if (!resourceVersion) throw invalid(`${path}: a list without resourceVersion`)
    return { items: [...items.values()], resourceVersion }
  }
}

/** @returns how many known keys the list lacks, if most; such a list is not believed at once */
export function lostMost(known: Iterable<string>, items: readonly KubernetesObject[]): number | undefined {
  const keys = [...known]
  const listed = new Set(items.map(keyOf))
  const lost = keys.filter((key) => !listed.has(key)).length
  return lost * 2 > keys.length ? lost : undefined
}

/** Returns the part of an object that the copy stores. */
export type Keep<T> = (object: T) => T

const asItIs = <T>(object: T): T => object

/** @returns the changes from the copy to a full list, deletions first */
export function changesOfList<T extends KubernetesObject>(
  copy: ReadonlyMap<string, T>,
  items: readonly T[],
  keep: Keep<T> = asItIs,
): readonly CollectionChange<T>[] {
  const listed = new Map(items.map((object) => [keyOf(object), object]))
  const gone = [...copy].filter(([key]) => !listed.has(key))
  return [
    ...gone.map(([key, previous]): CollectionChange<T> => ({ kind: 'deleted', key, previous })),
    ...[...listed.values()].flatMap((object) => changesOfObject(copy, object, keep)),
  ]
}

/** @returns what an event changes in the copy */
export function changesOfEvent<T extends KubernetesObject>(
  copy: ReadonlyMap<string, T>,
  { type, object }: CollectionEvent<T>,
  keep: Keep<T> = asItIs,
): readonly CollectionChange<T>[] {
  if (type === 'BOOKMARK') return []
  if (type !== 'DELETED') return changesOfObject(copy, object, keep)
  const key = keyOf(object)
  const previous = copy.get(key)
  // The deletion of an earlier object of that name does not concern the present one.
  const isThis = previous !== undefined && previous.metadata.uid === object.metadata.uid
  return isThis ? [{ kind: 'deleted', key, previous }] : []
}

function changesOfObject<T extends KubernetesObject>(
  copy: ReadonlyMap<string, T>,
  found: T,
  keep: Keep<T>,
): readonly CollectionChange<T>[] {
  const key = keyOf(found)
  const previous = copy.get(key)
  if (previous && sameObject(previous, found) && isSameVersion(previous.metadata, found.metadata)) return []
  const object = keep({ ...found, metadata: metadataRead(found) })
  if (!previous) return [{ kind: 'added', key, object }]
  if (sameObject(previous, found)) return [{ kind: 'updated', key, object: withSameSpec(object, previous), previous }]
  // re-created under its name
  return [
    { kind: 'deleted', key, previous },
    { kind: 'added', key, object },
  ]
}

/** The metadata without managed fields (half of an object's bytes) and kubectl's last-applied annotation. Of owners only that there are any:
 *  a mirror must have none. `delete` would leave a slow object. */
function metadataRead({ metadata }: KubernetesObject): ObjectMeta {
  const { managedFields: _fields, ownerReferences: owners, annotations, ...kept } = metadata
  const ours = Object.entries(annotations ?? {}).filter(([key]) => key.startsWith(`${apiGroup}/`))
  return {
    ...kept,
    ...(owners === undefined ? {} : { ownerReferences: [] }),
    ...(ours.length === 0 ? {} : { annotations: Object.fromEntries(ours) }),
  }
}

/** Most updates are our own status writes. An equal spec stays the same object, so that results cached by it stay valid
 *  (decide/client/check-spec.ts). */
function withSameSpec<T extends KubernetesObject>(object: T, previous: T): T {
  if (object.metadata.generation !== previous.metadata.generation) return object
  if (!('spec' in object) || !('spec' in previous) || !isDeepStrictEqual(object.spec, previous.spec)) return object
  return { ...object, spec: previous.spec }
}

/** The same version may have been cut before, for want of room, and not now. */
const isSameVersion = (one: ObjectMeta, other: ObjectMeta): boolean =>
  one.resourceVersion === other.resourceVersion && one.refused === other.refused

const sameObject = (one: KubernetesObject, other: KubernetesObject): boolean => one.metadata.uid === other.metadata.uid

/** @returns a line of a watch as an event. @throws ApiError for an ERROR event, and for what is no event */
export function parseEvent<T extends KubernetesObject>(line: unknown, path: string): CollectionEvent<T> {
  const { type, object } = fieldsOf(line)
  if (type === 'ERROR') {
    const { code = 500, message = '', reason } = hasShape(object, statusShape) ? object : {}
    const about = reason ? { reason } : {}
    throw new ApiError('KUBERNETES_REFUSED', {
      message: `watch of ${path}: ${code} ${message}`,
      status: code,
      ...about,
    })
  }
  if (!isOneOf(eventTypes, type) || !isObject<T>(object))
    throw invalid(`watch of ${path}: an event without type or object`)
  return { type, object }
}

const statusShape = { optional: { code: 'number', message: 'string', reason: 'string' } } as const

const invalid = (message: string) => new ApiError('KUBERNETES_ANSWER_INVALID', { message })
