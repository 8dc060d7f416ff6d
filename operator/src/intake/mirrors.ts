// Gives the clients of joined clusters what their OIDCCluster decides: the uid that lasts, and whether they are suspended.
import { createHash } from 'node:crypto'
import { clusterOf } from '@nauthera/rules/tenants'
import { fieldsOf } from '@nauthera/runtime/json'
import type { FindCluster } from '../decide/client/mirror.ts'
import { moveOf } from '../decide/client/move.ts'
import type { OIDCCluster } from '../api/oidc-cluster.ts'
import type { OIDCClient } from '../api/oidc-client.ts'

/** @returns a function that gives a client as rules see it: one of this cluster as it is. A mirror that is put back keeps its uid, and
 *  with it consents and grants; one whose origin was created again gets another one */
export function createAsSeen(
  find: FindCluster,
  clusters: () => Iterable<OIDCCluster>,
): <T extends OIDCClient>(client: T) => T {
  const suspended = new WeakMap<object, OIDCClient['spec']>()
  /** The same object each time: a comparison by identity finds no change. */
  const suspend = (spec: OIDCClient['spec']): OIDCClient['spec'] => {
    const known = suspended.get(spec) ?? { ...spec, suspended: true }
    suspended.set(spec, known)
    return known
  }
  return (client) => {
    const { spec } = client
    const move = moveOf(client, clusters())
    const metadata = move ? { ...client.metadata, moved: move } : client.metadata
    const name = clusterOf(metadata.namespace)
    const cluster = name === undefined ? undefined : find(name)
    if (!cluster) return move ? { ...client, metadata } : client
    const { uid } = fieldsOf(spec.origin)
    const lasting = typeof uid === 'string' ? { uid: uuidOf(cluster.metadata.uid, uid), ownUid: metadata.uid } : {}
    return {
      ...client,
      metadata: { ...metadata, ...lasting },
      spec: cluster.spec.suspended === true ? suspend(spec) : spec,
    }
  }
}

/** UUIDv5. @param space a UUID. Source: RFC 9562 section 5.5. */
function uuidOf(space: string, name: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(space.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
