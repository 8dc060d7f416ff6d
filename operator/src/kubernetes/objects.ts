// The shapes of the objects that the operator reads and writes.
import { apiGroup, apiVersion } from '@nauthera/proto/names'
import { hasShape } from '@nauthera/runtime/json'

/** What every object of the API carries, as far as the operator reads it. */
export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
  managedFields?: ManagedFields[]
  /** Of a client that was cut: what is wrong with it (intake/without-bulk.ts). */
  refused?: string
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
}

export interface ManagedFields {
  manager?: string
  operation?: string
  subresource?: string
  fieldsV1?: Record<string, unknown>
}

export interface KubernetesObject {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
}

/** @returns whether it is an object of the API. Its kind is that of the path which was asked; what the schema of the API server
 *    promises of the rest is believed, and judged where it decides something (decide/client/check-spec.ts) */
export const isObject = <T extends KubernetesObject>(value: unknown): value is T =>
  hasShape(value, { required: { metadata: 'record' } })

export interface SecretObject extends KubernetesObject {
  type?: string
  /** Values in base64. */
  data?: Record<string, string>
}

export interface PodObject extends KubernetesObject {
  spec?: { initContainers?: ContainerSpec[]; containers?: ContainerSpec[] }
  status?: {
    podIP?: string
    phase?: string
    initContainerStatuses?: ContainerStatus[]
    containerStatuses?: ContainerStatus[]
  }
}

interface ContainerSpec {
  name: string
  ports?: { name?: string; containerPort: number }[]
}

interface ContainerStatus {
  name: string
  started?: boolean
  restartCount?: number
  state?: { running?: object; terminated?: object; waiting?: object }
  lastState?: { terminated?: object }
}

export interface NamespaceObject extends KubernetesObject {
  spec?: unknown
}

/** One page of a collection. */
export interface ListAnswer<T> {
  metadata?: { resourceVersion?: string; continue?: string }
  items?: T[] | null
}

/** A kind of the API: where its collection lives. */
export interface ResourceType {
  readonly prefix: string
  readonly plural: string
}

export const resourceTypes = {
  clients: { prefix: `/apis/${apiGroup}/${apiVersion}`, plural: 'oidcclients' },
  clusters: { prefix: `/apis/${apiGroup}/${apiVersion}`, plural: 'oidcclusters' },
  policies: { prefix: `/apis/${apiGroup}/${apiVersion}`, plural: 'oidcpolicies' },
  secrets: { prefix: '/api/v1', plural: 'secrets' },
  pods: { prefix: '/api/v1', plural: 'pods' },
  namespaces: { prefix: '/api/v1', plural: 'namespaces' },
  events: { prefix: '/api/v1', plural: 'events' },
  configMaps: { prefix: '/api/v1', plural: 'configmaps' },
  serviceAccounts: { prefix: '/api/v1', plural: 'serviceaccounts' },
  ingresses: { prefix: '/apis/networking.k8s.io/v1', plural: 'ingresses' },
  httpRoutes: { prefix: '/apis/gateway.networking.k8s.io/v1', plural: 'httproutes' },
  gateways: { prefix: '/apis/gateway.networking.k8s.io/v1', plural: 'gateways' },
  leases: { prefix: '/apis/coordination.k8s.io/v1', plural: 'leases' },
} as const satisfies Record<string, ResourceType>

/** @returns the path of a collection; of every namespace when none is given */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${type.prefix}${scope}/${type.plural}`
}

/** @returns the path of one object, or of its subresource */
export function objectPath(type: ResourceType, at: { namespace?: string; name: string; subresource?: string }): string {
  const path = `${collectionPath(type, at.namespace)}/${encodeURIComponent(at.name)}`
  return at.subresource === undefined ? path : `${path}/${at.subresource}`
}

/** `namespace/name`, or `name` of a cluster-scoped object: the key of maps and queues. */
export function keyOf(object: KubernetesObject): string {
  const { namespace, name } = object.metadata
  return namespace === undefined ? name : `${namespace}/${name}`
}

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

type OwnKind = 'OIDCClient' | 'OIDCCluster' | 'OIDCPolicy'

/** @returns the object with its kind, which the items of a list do not say */
export const withKind = <T extends object>(kind: OwnKind, object: T): { apiVersion: string; kind: OwnKind } & T => ({
  apiVersion: `${apiGroup}/${apiVersion}`,
  kind,
  ...object,
})
