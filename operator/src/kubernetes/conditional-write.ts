// Writes objects only under the resourceVersion that the write was planned from.
import { fieldManagers } from '@nauthera/proto/names'
import { insteadWhen, isAlreadyExists, isConflict, isNotFound } from './api-error.ts'
import type { KubeConnection } from './connection.ts'
import { findObject } from './find-object.ts'
import { collectionPath, objectPath, resourceTypes } from './objects.ts'
import type { KubernetesObject, SecretObject } from './objects.ts'
import { planSecretPatch } from './secret-patch.ts'
import type { SecretContent } from './secret-patch.ts'

export interface WantedSecret extends SecretContent {
  readonly namespace: string
  readonly name: string
}

export type WriteOutcome =
  | { readonly kind: 'unchanged' | 'written'; readonly secret: SecretObject }
  /** The object was changed, created or deleted since it was read: read it and decide again. */
  | { readonly kind: 'conflict' }

export interface SecretStore {
  /** @returns undefined only when the API itself says that there is none
   *  @throws ApiError for every other answer: it is unknown then, and nothing may be created */
  read(namespace: string, name: string): Promise<SecretObject | undefined>
  create(wanted: WantedSecret): Promise<WriteOutcome>
  /** Writes under the resourceVersion that `stored` was read with; writes nothing when nothing would change. */
  update(stored: SecretObject, wanted: WantedSecret): Promise<WriteOutcome>
  /** @returns false when it was changed since it was read */
  remove(stored: SecretObject): Promise<boolean>
}

/** Writes over what was read, or creates what was not there. */
export const writeOver = async (
  secrets: Pick<SecretStore, 'create' | 'update'>,
  stored: SecretObject | undefined,
  wanted: WantedSecret,
): Promise<WriteOutcome> => await (stored ? secrets.update(stored, wanted) : secrets.create(wanted))

const mergePatch = 'application/merge-patch+json'
const applyPatch = 'application/apply-patch+yaml'
const secrets = resourceTypes.secrets

const onlyMetadata = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

/** Asks for the metadata of a Secret alone: nothing that it holds is sent.
 *  @returns its version; undefined when there is none
 *  @throws ApiError for every other answer */
export const createReadVersion =
  (connection: Pick<KubeConnection, 'call'>) =>
  async (namespace: string, name: string): Promise<string | undefined> => {
    const path = objectPath(secrets, { namespace, name })
    const found = await findObject<KubernetesObject>(connection, path, { accept: onlyMetadata })
    return found && versionOf(found)
  }

/** @returns a text that changes with each write, and when the object is created again */
export const versionOf = ({ metadata: { uid, resourceVersion } }: KubernetesObject): string =>
  `${uid}/${resourceVersion}`

/** @param version of versionOf @returns the uid of that object */
export const uidOfVersion = (version: string | undefined): string | undefined => version?.split('/')[0]

export function createSecretStore(connection: Pick<KubeConnection, 'call'>): SecretStore {
  return {
    read: (namespace, name) => findObject<SecretObject>(connection, objectPath(secrets, { namespace, name })),
    create: async (wanted) =>
      await connection
        .call<SecretObject>({
          method: 'POST',
          path: collectionPath(secrets, wanted.namespace),
          query: { fieldManager: fieldManagers.operator },
          body: secretBody(wanted),
        })
        .then(written)
        .catch(insteadWhen((error) => isAlreadyExists(error) || isConflict(error), conflict)),
    update: async (stored, wanted) => {
      const body = planSecretPatch(stored, wanted)
      if (body === undefined) return { kind: 'unchanged', secret: stored }
      return await connection
        .call<SecretObject>({
          method: 'PATCH',
          path: objectPath(secrets, wanted),
          query: { fieldManager: fieldManagers.operator },
          contentType: mergePatch,
          body,
        })
        .then(written)
        .catch(insteadWhen((error) => isConflict(error) || isNotFound(error), conflict))
    },
    remove: async ({ metadata: { namespace, name, uid, resourceVersion } }) =>
      await connection
        .call({
          method: 'DELETE',
          path: objectPath(secrets, { ...(namespace === undefined ? {} : { namespace }), name }),
          body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } },
        })
        .then(() => true)
        .catch(insteadWhen(isNotFound, true))
        .catch(insteadWhen(isConflict, false)),
  }
}

const conflict: WriteOutcome = { kind: 'conflict' }
const written = (secret: SecretObject): WriteOutcome => ({ kind: 'written', secret })

const secretBody = ({ name, namespace, labels, annotations, data, ownerReferences }: WantedSecret): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'Opaque',
  metadata: { name, namespace, labels, annotations, ...(ownerReferences?.length ? { ownerReferences } : {}) },
  data,
})

/** Applies the status of an object, as the manager of status, under the resourceVersion that it was planned from: the
 *  status of a deleted object is never written to a new object of the same name.
 *  @param fieldManager another one where several write entries of one status
 *  @returns the resourceVersion that it has now; undefined when the object has changed meanwhile or is gone */
export async function applyStatus(
  connection: Pick<KubeConnection, 'call'>,
  type: { prefix: string; plural: string },
  object: KubernetesObject,
  status: unknown,
  fieldManager: string = fieldManagers.status,
): Promise<string | undefined> {
  const { namespace, name, resourceVersion } = object.metadata
  const at = { ...(namespace === undefined ? {} : { namespace }), name }
  return await connection
    .call<KubernetesObject>({
      method: 'PATCH',
      path: objectPath(type, { ...at, subresource: 'status' }),
      query: { fieldManager, force: 'true' },
      contentType: applyPatch,
      // the version is all that is read of it
      accept: onlyMetadata,
      body: { apiVersion: object.apiVersion, kind: object.kind, metadata: { ...at, resourceVersion }, status },
    })
    .then((applied) => applied.metadata.resourceVersion)
    .catch(insteadWhen((error) => isNotFound(error) || isConflict(error), undefined))
}

/** Sets annotations of an object, and nothing else of it. */
export async function annotate(
  connection: Pick<KubeConnection, 'call'>,
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
