// The etcd of the stand-in: immutable objects, one counter of versions, a history that watches replay and that may be compacted.
import { randomUUID } from 'node:crypto'
import type { KubeObject } from '../objects.ts'
import { alreadyExists, badRequest, conflict, expired, notFound, staleVersion } from '../refusals.ts'
import type { Resource } from './resources.ts'

export interface StoreChange {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly resource: Resource
  /** The object after the change; for a deletion its last state, with the version of the deletion. */
  readonly object: KubeObject
  readonly previous?: KubeObject
  readonly version: number
}

export interface ListPage {
  readonly items: readonly KubeObject[]
  readonly resourceVersion: string
  readonly continue?: string
  readonly remaining?: number
}

export type Filter = (object: KubeObject) => boolean

const maxHistory = 20_000
const maxSnapshots = 32

export class ObjectStore {
  #version = 100
  #created = 0
  /** Watches from before this version get 410. */
  /** uids of removed owners, while the garbage collector is late. */
  #uncollected: string[] | undefined
  #compactedTo = 100
  readonly #objects = new Map<string, { resource: Resource; objects: Map<string, KubeObject> }>()
  #history: StoreChange[] = []
  readonly #listeners = new Set<(change: StoreChange) => void>()
  readonly #snapshots = new Map<string, { version: number; items: readonly KubeObject[] }>()

  get version(): string {
    return String(this.#version)
  }

  find(resource: Resource, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#of(resource).get(keyOf(namespace, name))
  }

  get(resource: Resource, namespace: string | undefined, name: string): KubeObject {
    const found = this.find(resource, namespace, name)
    if (!found) throw notFound(resource, name)
    return found
  }

  /** Every object of the kind, sorted by namespace and name. */
  all(resource: Resource, namespace?: string): KubeObject[] {
    return [...this.#of(resource).entries()]
      .filter(([key]) => namespace === undefined || key.startsWith(`${namespace}/`))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object)
  }

  /** A page of a list; all pages show the state at the first one.
   *  @throws Refusal 410 when the token's snapshot is gone */
  list(
    resource: Resource,
    options: { namespace?: string; filter: Filter; limit?: number; continue?: string },
  ): ListPage {
    const from = options.continue === undefined ? this.#snapshot(resource, options) : this.#resume(options.continue)
    const limit = options.limit && options.limit > 0 ? options.limit : Infinity
    const items = from.items.slice(from.start, from.start + limit)
    const remaining = from.items.length - from.start - items.length
    const resourceVersion = String(from.version)
    if (remaining <= 0) return { items, resourceVersion }
    const id = from.id ?? this.#keepSnapshot(from)
    return { items, resourceVersion, continue: encodeToken({ id, start: from.start + items.length }), remaining }
  }

  create(resource: Resource, object: KubeObject): KubeObject {
    const { namespace, name } = object.metadata
    if (this.find(resource, namespace, name)) throw alreadyExists(resource, name)
    const version = ++this.#version
    const created: KubeObject = {
      ...object,
      metadata: {
        ...object.metadata,
        uid: this.#nextUid(),
        resourceVersion: String(version),
        creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
        ...(resource.hasGeneration ? { generation: 1 } : {}),
      },
    }
    this.#of(resource).set(keyOf(namespace, name), created)
    this.#record({ type: 'ADDED', resource, object: created, version })
    return created
  }

  /** Of two objects that were created in the same second, the first has the lower UID here, so that a rule that compares ages and then UIDs
   *  gives one answer. */
  #nextUid(): string {
    return (++this.#created).toString(16).padStart(8, '0') + randomUUID().slice(8)
  }

  /** Writes the object over what is there.
   *  @param object its `resourceVersion`, when it has one, must be the present one
   *  @throws Refusal 404, 409 */
  replace(resource: Resource, object: KubeObject): KubeObject {
    const { namespace, name, resourceVersion, uid } = object.metadata
    const previous = this.get(resource, namespace, name)
    if (uid !== undefined && uid !== previous.metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`
      throw conflict(resource, name, why)
    }
    if (resourceVersion && resourceVersion !== previous.metadata.resourceVersion) {
      throw conflict(resource, name, staleVersion)
    }
    const version = ++this.#version
    const replaced: KubeObject = {
      ...object,
      metadata: {
        ...object.metadata,
        uid: previous.metadata.uid!,
        creationTimestamp: previous.metadata.creationTimestamp!,
        resourceVersion: String(version),
      },
    }
    this.#of(resource).set(keyOf(namespace, name), replaced)
    this.#record({ type: 'MODIFIED', resource, object: replaced, previous, version })
    return replaced
  }

  /** Removes it and, as the garbage collector does, what only it owned.
   *  @param options.orphan what it owned stays, without this owner */
  remove(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    options: { orphan?: boolean } = {},
  ): KubeObject {
    const previous = this.get(resource, namespace, name)
    const version = ++this.#version
    this.#of(resource).delete(keyOf(namespace, name))
    const object = { ...previous, metadata: { ...previous.metadata, resourceVersion: String(version) } }
    this.#record({ type: 'DELETED', resource, object, previous, version })
    if (options.orphan) this.#orphan(previous.metadata.uid!)
    else if (this.#uncollected) this.#uncollected.push(previous.metadata.uid!)
    else this.#collect(previous.metadata.uid!)
    return previous
  }

  /** From now on the garbage collector is late, as in a busy cluster: what an object owned stays after it.
   *  @returns lets it catch up */
  holdCollector(): () => void {
    this.#uncollected ??= []
    return () => {
      const late = this.#uncollected ?? []
      this.#uncollected = undefined
      for (const uid of late) this.#collect(uid)
    }
  }

  /** Every change after the version.
   *  @throws Refusal 410 when the history no longer reaches back so far */
  since(version: number): readonly StoreChange[] {
    if (version < this.#compactedTo) {
      throw expired(`too old resource version: ${version} (${this.#compactedTo})`)
    }
    return this.#history.filter((change) => change.version > version)
  }

  onChange(listener: (change: StoreChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Drops the history and the pages of unfinished lists, as etcd does every five minutes. */
  compact(): void {
    this.#compactedTo = this.#version
    this.#history = []
    this.#snapshots.clear()
  }

  /** All objects, for a file that outlives the process. */
  dump(): { resource: string; object: KubeObject }[] {
    return [...this.#objects].flatMap(([resource, { objects }]) =>
      [...objects.values()].map((object) => ({ resource, object })),
    )
  }

  /** Puts dumped objects back, under their names, uids and versions; before anybody watches. */
  restore(dump: readonly { resource: string; object: KubeObject }[], resources: readonly Resource[]): void {
    const byId = new Map(resources.map((resource) => [idOf(resource), resource]))
    for (const { resource: id, object } of dump) {
      const resource = byId.get(id)
      if (!resource) continue
      this.#of(resource).set(keyOf(object.metadata.namespace, object.metadata.name), object)
      this.#version = Math.max(this.#version, Number(object.metadata.resourceVersion))
    }
    this.#compactedTo = this.#version
  }

  #of(resource: Resource): Map<string, KubeObject> {
    const id = idOf(resource)
    let entry = this.#objects.get(id)
    if (!entry) this.#objects.set(id, (entry = { resource, objects: new Map() }))
    return entry.objects
  }

  #snapshot(resource: Resource, options: { namespace?: string; filter: Filter }): Snapshot {
    return { version: this.#version, items: this.all(resource, options.namespace).filter(options.filter), start: 0 }
  }

  #keepSnapshot({ version, items }: Snapshot): string {
    const id = randomUUID()
    this.#snapshots.set(id, { version, items })
    const [oldest] = this.#snapshots.keys()
    if (this.#snapshots.size > maxSnapshots) this.#snapshots.delete(oldest!)
    return id
  }

  #resume(token: string): Snapshot {
    const { id, start } = decodeToken(token)
    const kept = this.#snapshots.get(id)
    if (!kept) {
      throw expired(
        'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
      )
    }
    return { ...kept, start, id }
  }

  #record(change: StoreChange): void {
    this.#history.push(change)
    if (this.#history.length > maxHistory) {
      const dropped = this.#history.splice(0, maxHistory / 2)
      this.#compactedTo = dropped.at(-1)!.version
    }
    for (const listener of this.#listeners) listener(change)
  }

  #collect(uid: string): void {
    for (const { resource, objects } of this.#objects.values()) {
      for (const { metadata } of objects.values()) {
        const owners = metadata.ownerReferences ?? []
        if (!owners.some((owner) => owner.uid === uid) || owners.some((owner) => this.#exists(owner.uid))) continue
        this.remove(resource, metadata.namespace, metadata.name)
      }
    }
  }

  #orphan(uid: string): void {
    for (const { resource, objects } of this.#objects.values()) {
      for (const object of objects.values()) {
        const owners = object.metadata.ownerReferences ?? []
        const ownerReferences = owners.filter((owner) => owner.uid !== uid)
        if (ownerReferences.length < owners.length)
          this.replace(resource, { ...object, metadata: { ...object.metadata, ownerReferences } })
      }
    }
  }

  #exists(uid: string): boolean {
    for (const { objects } of this.#objects.values()) {
      for (const { metadata } of objects.values()) if (metadata.uid === uid) return true
    }
    return false
  }
}

interface Snapshot {
  readonly version: number
  readonly items: readonly KubeObject[]
  readonly start: number
  readonly id?: string
}

const idOf = (resource: Resource): string => `${resource.group}/${resource.plural}`
const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`

const encodeToken = (token: { id: string; start: number }): string =>
  Buffer.from(JSON.stringify(token)).toString('base64url')

function decodeToken(token: string): { id: string; start: number } {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString()) as { id: string; start: number }
  } catch {
    throw badRequest('continue key is not valid')
  }
}
