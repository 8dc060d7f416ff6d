// The tenant of a client: on whose behalf it is there. Every rule about who may have what asks here, never for the namespace of the object.

/** A namespace of this cluster, or one of a joined cluster. */
export interface Tenant {
  /** metadata.name of the OIDCCluster; undefined for this cluster. */
  readonly cluster?: string
  readonly namespace: string
}

const beginning = 'nauthera-cluster-'

/** @returns the namespace of this cluster that has the mirrors of a joined one */
export const namespaceOfCluster = (cluster: string): string => `${beginning}${cluster}`

/** @returns the joined cluster that a namespace belongs to; undefined for every other namespace */
export const clusterOf = (namespace: string): string | undefined =>
  namespace.startsWith(beginning) ? namespace.slice(beginning.length) : undefined

/** A mirror is named `<namespace>.<name>` of its origin, and no namespace has a dot. Its spec is not asked: a mirror that says otherwise
 *  there is refused.
 *  @param at metadata of the object, or its entry in a shard */
export function tenantOf({ namespace, name }: { readonly namespace: string; readonly name: string }): Tenant {
  const cluster = clusterOf(namespace)
  return cluster === undefined ? { namespace } : { cluster, namespace: name.split('.', 1)[0]! }
}

/** @returns what no other tenant has: `shop`, or `edge_shop` for a namespace of a joined cluster. No name of Kubernetes has an underscore */
export const tenantText = ({ cluster, namespace }: Tenant): string =>
  cluster === undefined ? namespace : `${cluster}_${namespace}`

/** @returns the client id of an object that names none: `shop.grafana`, or `edge_shop.grafana` */
export function defaultClientId(at: { readonly namespace: string; readonly name: string }): string {
  const cluster = clusterOf(at.namespace)
  return cluster === undefined ? `${at.namespace}.${at.name}` : `${cluster}_${at.name}`
}

/** @returns what every client id with a dot begins with that a tenant may have */
export const clientIdPrefix = (tenant: Tenant): string => `${tenantText(tenant)}.`

export const isSameTenant = (one: Tenant, other: Tenant): boolean =>
  one.cluster === other.cluster && one.namespace === other.namespace
