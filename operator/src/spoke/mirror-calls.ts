// The calls at the hub about one mirror, by the key of its client here: `namespace/name`.
import { describeError } from '@nauthera/runtime/log'
import { ApiError, insteadWhen, isAlreadyExists, isConflict, isNotFound } from '../kubernetes/api-error.ts'
import type { KubeConnection } from '../kubernetes/connection.ts'
import { findObject } from '../kubernetes/find-object.ts'
import { collectionPath, objectPath, resourceTypes, splitKey, withKind } from '../kubernetes/objects.ts'
import type { WantedMirror } from './build-mirror.ts'
import { mirrorNameOf } from './mirror.ts'
import type { Mirror } from './mirror.ts'

/** Why the hub does not take a mirror. */
export interface MirrorRefusal {
  readonly reason: 'HubTooOld' | 'HubRefused'
  readonly message: string
}

export type MirrorWrite =
  | { readonly kind: 'written'; readonly mirror: Mirror }
  /** Somebody else wrote it: the newest version decides. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'refused'; readonly refusal: MirrorRefusal; readonly error: ApiError }

export interface MirrorCalls {
  /** @throws ApiError */
  find(key: string): Promise<Mirror | undefined>
  /** Writes over what is stored, or creates it.
   *  @throws ApiError which says nothing of this object: try again */
  write(key: string, wanted: WantedMirror, stored: Mirror | undefined): Promise<MirrorWrite>
  /** Deletes it, unless it was changed since it was seen. @throws ApiError */
  remove(mirror: Mirror): Promise<void>
}

/** @param namespace of this cluster in the hub */
export function createMirrorCalls(hub: Pick<KubeConnection, 'call'>, namespace: string): MirrorCalls {
  const pathOf = (name: string) => objectPath(resourceTypes.clients, { namespace, name })
  return {
    find: (key) => findObject<Mirror>(hub, pathOf(mirrorNameOf(splitKey(key)))),
    write: async (key, { spec }, stored) => {
      const name = mirrorNameOf(splitKey(key))
      // labels are those of the hub: by one of the origin, a tool there could take the mirror for its own and prune it
      const { resourceVersion, labels } = stored?.metadata ?? {}
      const metadata = { name, namespace, labels, resourceVersion }
      const at = stored
        ? ({ method: 'PUT', path: pathOf(name) } as const)
        : ({ method: 'POST', path: collectionPath(resourceTypes.clients, namespace) } as const)
      const body = withKind('OIDCClient', { metadata, spec })
      return await hub
        .call<Mirror>({ ...at, query: { fieldValidation: 'Strict' }, body })
        .then((mirror): MirrorWrite => ({ kind: 'written', mirror }))
        .catch((error: unknown) => answerIn(error, stored))
    },
    remove: async ({ metadata: { name, uid, resourceVersion } }) => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } }
      await hub
        .call({ method: 'DELETE', path: pathOf(name), body })
        .catch(insteadWhen((error) => isNotFound(error) || isConflict(error), undefined))
    },
  }
}

/** What says that this object, as it is, is not wanted. A create without its namespace is not found, and may be taken later. */
const refusals: readonly (number | undefined)[] = [400, 403, 413, 422]

/** @throws the error, when it says nothing of this object */
function answerIn(error: unknown, stored: Mirror | undefined): MirrorWrite {
  if (isConflict(error) || isAlreadyExists(error) || (stored !== undefined && isNotFound(error)))
    return { kind: 'conflict' }
  if (!(error instanceof ApiError) || !refusals.includes(error.status)) throw error
  return { kind: 'refused', refusal: refusalIn(error), error }
}

function refusalIn(error: ApiError): MirrorRefusal {
  const message = describeError(error)
  if (error.status === 400 && /unknown field/.test(error.message))
    return {
      reason: 'HubTooOld',
      message: `the hub does not know a field of this client: update the hub, or leave the field out (${message})`,
    }
  return { reason: 'HubRefused', message: `the hub refuses this client: ${message}` }
}
