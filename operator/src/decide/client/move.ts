// Decides which object takes the place of another one under its client id. An OIDCCluster says so, which no joined cluster may write. Pure.
import { namespaceOfCluster, clusterOf } from '@nauthera/rules/tenants'
import type { ClientMove, OIDCClient } from '../../api/oidc-client.ts'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'

type Move = NonNullable<OIDCCluster['spec']['moved']>[number]

interface Place {
  readonly namespace: string
  readonly name: string
}

const keyOfPlace = ({ namespace, name }: Place): string => `${namespace}/${name}`

/** Whether the OIDCCluster may say it: the client comes to its cluster, or leaves it for this one. */
function isAbout({ metadata }: OIDCCluster, { from, to }: Move): boolean {
  const own = namespaceOfCluster(metadata.name)
  return to.namespace === own || (clusterOf(to.namespace) === undefined && from.namespace === own)
}

/** @returns the move that brought this very object here; undefined for nearly all */
export function moveOf(client: OIDCClient, clusters: Iterable<OIDCCluster>): ClientMove | undefined {
  const { metadata, spec } = client
  if (spec.clientId === undefined) return undefined
  const uid = spec.origin?.uid ?? metadata.ownUid ?? metadata.uid
  for (const cluster of clusters)
    for (const move of cluster.spec.moved ?? []) {
      const isIt = keyOfPlace(move.to) === keyOfPlace(metadata) && move.to.uid === uid
      if (isIt && move.clientId === spec.clientId && isAbout(cluster, move))
        return { clientId: move.clientId, from: keyOfPlace(move.from) }
    }
  return undefined
}

/** @returns `namespace/name` of all whose place these clusters say */
export const movedKeys = (clusters: readonly OIDCCluster[]): readonly string[] => [
  ...new Set(
    clusters.flatMap(({ spec }) => spec.moved ?? []).flatMap(({ from, to }) => [keyOfPlace(from), keyOfPlace(to)]),
  ),
]
