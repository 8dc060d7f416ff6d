// What the hub has for a joined cluster. Pure: charts/test/spoke-calls compares a spoke's calls with these rules.
import { apiGroup, labels, spokeName } from '@nauthera/proto/names'
import { clusterLimits } from '@nauthera/rules/limits'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { withKind } from '../../kubernetes/objects.ts'

/** An object that the API server gets as it is. */
export type HubObject = Readonly<Record<string, unknown>> & {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

/** What the operator of the cluster may do in its namespace of the hub, and nowhere else. No status, no Secret, no deletecollection. */
const spokeRules: readonly Rule[] = [
  { apiGroups: [apiGroup], resources: ['oidcclients'], verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'] },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: [spokeName], verbs: ['get', 'update'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [spokeName], verbs: ['get', 'update'] },
  { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: [spokeName], verbs: ['create'] },
]

/** @param clients how many OIDCClients the API server takes at most; the operator refuses those above its own limit
 *  @returns in the order in which they can be made */
export function hubObjects(cluster: string, clients: number = clusterLimits.clients): readonly HubObject[] {
  const namespace = namespaceOfCluster(cluster)
  const inNamespace = { name: spokeName, namespace }
  const rbac = 'rbac.authorization.k8s.io'
  const objects: readonly HubObject[] = [
    withKind('OIDCCluster', { metadata: { name: cluster }, spec: {} }),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: inNamespace,
      spec: { hard: { [`count/oidcclients.${apiGroup}`]: String(clients) } },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inNamespace, automountServiceAccountToken: false },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: inNamespace, rules: spokeRules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: inNamespace,
      roleRef: { apiGroup: rbac, kind: 'Role', name: spokeName },
      subjects: [{ kind: 'ServiceAccount', ...inNamespace }],
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: inNamespace },
    { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: inNamespace },
  ]
  return objects.map((one) => ({ ...one, metadata: { ...one.metadata, labels: marks } }))
}

const marks = { [labels.managedBy]: 'kubectl-nauthera' }
