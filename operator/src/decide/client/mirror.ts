// Decides what is a mirror: an OIDCClient that the operator of a joined cluster keeps here, beside the object of its own cluster.
import { showsSecret } from '@nauthera/rules/client-authentication'
import { tenantOf } from '@nauthera/rules/tenants'
import type { Fault } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import { authMethodOf } from '../../api/in-effect.ts'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'

/** @returns the OIDCCluster of a name; undefined when there is none */
export type FindCluster = (name: string) => OIDCCluster | undefined

/** @param find undefined where nobody knows which clusters have joined
 *  @returns why the object must not be where it is, or must not say what it says there */
export function checkPlace(client: OIDCClient, find: FindCluster | undefined): readonly Fault[] {
  const { cluster } = tenantOf(client.metadata)
  if (cluster !== undefined) return checkMirror(client, cluster, find)
  return client.spec.origin === undefined
    ? []
    : [{ path: 'spec.origin', message: 'must be absent outside of the namespace of a joined cluster; remove it' }]
}

function checkMirror(client: OIDCClient, cluster: string, find: FindCluster | undefined): readonly Fault[] {
  const { metadata, spec } = client
  const found = find?.(cluster)
  if (find && !found) {
    const message = `belongs to a joined cluster, and no OIDCCluster ${cluster} is known; join it, or create this OIDCClient in another namespace`
    return [{ path: 'metadata.namespace', message }]
  }
  const { namespace, name } = fieldsOf(spec.origin)
  if (spec.origin === undefined)
    return [
      { path: 'spec.origin', message: 'must be there: only the operator of the cluster creates OIDCClients here' },
    ]
  const refused = [
    ...Object.keys(fieldsOf(spec.secret)).flatMap((field) =>
      // the API server fills in deletionPolicy
      ['verifiers', 'deletionPolicy'].includes(field) ? [] : [`spec.secret.${field}`],
    ),
    ...(fieldsOf(spec)['redirectURIsFrom'] === undefined ? [] : ['spec.redirectURIsFrom']),
    ...['finalizers', 'ownerReferences'].flatMap((field) =>
      fieldsOf(metadata)[field] === undefined ? [] : [`metadata.${field}`],
    ),
  ]
  return [
    ...(metadata.name === `${String(namespace)}.${String(name)}`
      ? []
      : [{ path: 'metadata.name', message: 'must be <namespace>.<name> of spec.origin' }]),
    ...refused.map((path) => ({ path, message: 'must be absent from a client of a joined cluster; remove it there' })),
    ...checkProofs(client, found),
  ]
}

/** Nothing is minted here, so a mirror brings what its client proves itself with. */
function checkProofs({ spec }: OIDCClient, found: OIDCCluster | undefined): readonly Fault[] {
  const isBelieved = found === undefined || found.spec.serviceAccountKeys === true
  return [
    ...(showsSecret(authMethodOf(spec)) && spec.secret?.verifiers === undefined
      ? [{ path: 'spec.secret.verifiers', message: 'must be there: secrets are minted in the cluster of the client' }]
      : []),
    ...(!isBelieved && (spec.auth?.identities ?? []).some(({ serviceAccount }) => serviceAccount !== undefined)
      ? [
          {
            path: 'spec.auth.identities',
            message: `must have no serviceAccount unless OIDCCluster ${found.metadata.name} has serviceAccountKeys: true`,
          },
        ]
      : []),
  ]
}
