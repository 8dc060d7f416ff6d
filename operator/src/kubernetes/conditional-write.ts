import { fieldManagers } from '@nauthera/proto/names'
import { isAlreadyExists, isConflict, isNotFound } from './api-error.ts'
import type { Connection } from './connection.ts'
import { collectionPath, objectPath, resourceTypes } from './objects.ts'
import type { KubernetesObject, ManagedFields, OwnerReference, SecretObject } from './objects.ts'

/** What the operator wants of a Secret. Keys, labels and annotations that others added stay. */
export interface WantedSecret {
  readonly namespace: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Values in base64. */
  readonly data: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
}

export type SecretOutcome =
  | { readonly kind: 'unchanged' | 'written'; readonly secret: SecretObject }
  /** Somebody wrote since it was read, created it before us, or took it away: read again, decide again. */
  | { readonly kind: 'conflict' }

export interface SecretStore {
  /** @returns undefined only when the API itself says that there is none
   *  @throws ApiError for every other answer: then nobody knows, and nothing may be created */
  read(namespace: string, name: string): Promise<SecretObject | undefined>
  create(wanted: WantedSecret): Promise<SecretOutcome>
  /** Writes under the resourceVersion that `stored` was read with; writes nothing when nothing would change. */
  update(stored: SecretObject, wanted: WantedSecret): Promise<SecretOutcome>
  /** @returns false when somebody wrote since it was read */
  remove(stored: SecretObject): Promise<boolean>
}

const mergePatch = 'application/merge-patch+json'
const applyPatch = 'application/apply-patch+yaml'

export function createSecretStore(connection: Connection): SecretStore {
  const secrets = resourceTypes.secrets
  return {
    read: async (namespace, name) => {
      try {
        return await connection.call<SecretObject>({ method: 'GET', path: objectPath(secrets, { namespace, name }) })
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },
    create: async (wanted) => {
      try {
        const secret = await connection.call<SecretObject>({
          method: 'POST',
          path: collectionPath(secrets, wanted.namespace),
          query: { fieldManager: fieldManagers.operator },
          body: {
            apiVersion: 'v1',
            kind: 'Secret',
            type: 'Opaque',
            metadata: {
              name: wanted.name,
              namespace: wanted.namespace,
              labels: wanted.labels,
              annotations: wanted.annotations,
              ...(wanted.ownerReferences?.length ? { ownerReferences: wanted.ownerReferences } : {}),
            },
            data: wanted.data,
          },
        })
        return { kind: 'written', secret }
      } catch (error) {
        if (isAlreadyExists(error) || isConflict(error)) return { kind: 'conflict' }
        throw error
      }
    },
    update: async (stored, wanted) => {
      const patch = planSecretPatch(stored, wanted)
      if (patch === undefined) return { kind: 'unchanged', secret: stored }
      try {
        const secret = await connection.call<SecretObject>({
          method: 'PATCH',
          path: objectPath(secrets, wanted),
          query: { fieldManager: fieldManagers.operator },
          contentType: mergePatch,
          body: patch,
        })
        return { kind: 'written', secret }
      } catch (error) {
        if (isConflict(error) || isNotFound(error)) return { kind: 'conflict' }
        throw error
      }
    },
    remove: async (stored) => {
      const { namespace, name, uid, resourceVersion } = stored.metadata
      try {
        await connection.call({
          method: 'DELETE',
          path: objectPath(secrets, { ...(namespace === undefined ? {} : { namespace }), name }),
          body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } },
        })
        return true
      } catch (error) {
        if (isNotFound(error)) return true
        if (isConflict(error)) return false
        throw error
      }
    },
  }
}

/** @returns the merge patch that leads from `stored` to `wanted` under stored's resourceVersion; undefined when there
 *  is nothing to change. What we wrote once and no longer want goes; what others wrote stays. */
export function planSecretPatch(stored: SecretObject, wanted: WantedSecret): object | undefined {
  const { metadata } = stored
  const fields = metadata.managedFields
  const data = planKeys(stored.data, wanted.data, ownedKeys(fields, ['f:data']))
  const labels = planKeys(metadata.labels, wanted.labels, ownedKeys(fields, ['f:metadata', 'f:labels']))
  const annotations = planKeys(
    metadata.annotations,
    wanted.annotations,
    ownedKeys(fields, ['f:metadata', 'f:annotations']),
  )
  const owners =
    wanted.ownerReferences === undefined || sameOwners(metadata.ownerReferences ?? [], wanted.ownerReferences)
      ? undefined
      : wanted.ownerReferences
  if (!data && !labels && !annotations && !owners) return undefined
  return {
    metadata: {
      resourceVersion: metadata.resourceVersion,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(owners ? { ownerReferences: owners } : {}),
    },
    ...(data ? { data } : {}),
  }
}

function planKeys(
  stored: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
  owned: ReadonlySet<string>,
): Record<string, string | null> | undefined {
  const changes: Record<string, string | null> = {}
  for (const [key, value] of Object.entries(wanted)) if (stored?.[key] !== value) changes[key] = value
  for (const key of Object.keys(stored ?? {})) if (owned.has(key) && !Object.hasOwn(wanted, key)) changes[key] = null
  return Object.keys(changes).length > 0 ? changes : undefined
}

/** The keys under a path of `fieldsV1` that this operator wrote last. */
function ownedKeys(fields: readonly ManagedFields[] | undefined, path: readonly string[]): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const entry of fields ?? []) {
    if (entry.manager !== fieldManagers.operator) continue
    let at: unknown = entry.fieldsV1
    for (const step of path) at = (at as Record<string, unknown> | undefined)?.[step]
    for (const key of Object.keys((at ?? {}) as object)) if (key.startsWith('f:')) keys.add(key.slice(2))
  }
  return keys
}

function sameOwners(stored: readonly OwnerReference[], wanted: readonly OwnerReference[]): boolean {
  const uids = (owners: readonly OwnerReference[]) =>
    owners
      .map((owner) => owner.uid)
      .sort()
      .join(',')
  return uids(stored) === uids(wanted)
}

/** Applies the status of an object, as the manager of status, under the resourceVersion that it was planned from: the
 *  status of an object that was deleted never lands on its successor of the same name.
 *  @returns the resourceVersion that it has now; undefined when the object has changed meanwhile or is gone */
export async function applyStatus(
  connection: Connection,
  type: { prefix: string; plural: string },
  object: KubernetesObject,
  status: unknown,
): Promise<string | undefined> {
  const { namespace, name, resourceVersion } = object.metadata
  const at = { ...(namespace === undefined ? {} : { namespace }), name }
  try {
    const applied = await connection.call<KubernetesObject>({
      method: 'PATCH',
      path: objectPath(type, { ...at, subresource: 'status' }),
      query: { fieldManager: fieldManagers.status, force: 'true' },
      contentType: applyPatch,
      body: { apiVersion: object.apiVersion, kind: object.kind, metadata: { ...at, resourceVersion }, status },
    })
    return applied.metadata.resourceVersion
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return undefined
    throw error
  }
}

/** Sets annotations of an object, and nothing else of it. */
export async function annotate(
  connection: Connection,
  path: string,
  annotations: Readonly<Record<string, string>>,
): Promise<void> {
  await connection.call({
    method: 'PATCH',
    path,
    query: { fieldManager: fieldManagers.operator },
    contentType: mergePatch,
    body: { metadata: { annotations } },
  })
}
