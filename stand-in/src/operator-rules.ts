import {
  apiGroup,
  issuersSecretName,
  keysSecretName,
  linkSecretName,
  manifestSecretName,
  proofSecretName,
  shardCount,
  shardSecretName,
} from '@nauthera/proto/names'
import type { RbacRule } from './http/rbac.ts'

/** What the chart's roles give the operator, in each way of watching (a test of the chart holds the two to one another): secrets
 *  never by list or watch, its own by name, and on pods one patch. */
export function operatorRules(options: {
  mode: 'cluster' | 'namespaces' | 'release'
  release: string
  namespace: string
  namespaces?: readonly string[]
  nudge: boolean
  /** Of a spoke: the Secret that leads to its hub. */
  hubSecret?: string | undefined
  redirectURIsFrom?: boolean
}): RbacRule[] {
  const { mode, release, namespace, nudge, hubSecret, redirectURIsFrom = false } = options
  const scopes: (string | undefined)[] =
    mode === 'cluster' ? [undefined] : mode === 'release' ? [namespace] : [...(options.namespaces ?? [])]
  const isSpoke = hubSecret !== undefined
  const own = isSpoke
    ? [proofSecretName(release), hubSecret]
    : [
        ...Array.from({ length: shardCount }, (_, shard) => shardSecretName(release, shard)),
        manifestSecretName(release),
        issuersSecretName(release),
        proofSecretName(release),
        linkSecretName(release),
      ]
  const inScope = (rule: Omit<RbacRule, 'namespace'>): RbacRule[] =>
    scopes.map((scope) => (scope === undefined ? rule : { ...rule, namespace: scope }))
  return [
    ...inScope({ apiGroups: [apiGroup], resources: ['oidcclients'], verbs: ['get', 'list', 'watch'] }),
    ...inScope({ apiGroups: [apiGroup], resources: ['oidcclients/status'], verbs: ['patch'] }),
    ...inScope({ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'patch', 'delete'] }),
    ...inScope({ apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] }),
    ...(mode === 'cluster' && !isSpoke
      ? [
          { apiGroups: [apiGroup], resources: ['oidcpolicies'], verbs: ['get', 'list', 'watch'] },
          { apiGroups: [apiGroup], resources: ['oidcpolicies/status'], verbs: ['patch'] },
          { apiGroups: [apiGroup], resources: ['oidcclusters'], verbs: ['get', 'list', 'watch'] },
          { apiGroups: [apiGroup], resources: ['oidcclusters/status'], verbs: ['patch'] },
          {
            apiGroups: ['coordination.k8s.io'],
            resources: ['leases'],
            verbs: ['get'],
            resourceNames: ['nauthera-spoke'],
          },
          { apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: ['nauthera-spoke'] },
        ]
      : []),
    ...(mode === 'cluster'
      ? [{ apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch'] }]
      : isSpoke
        ? [{ apiGroups: [''], resources: ['namespaces'], verbs: ['get'], resourceNames: ['kube-system'] }]
        : []),
    ...(redirectURIsFrom
      ? [
          { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ['list', 'watch'] },
          { apiGroups: ['gateway.networking.k8s.io'], resources: ['gateways', 'httproutes'], verbs: ['list', 'watch'] },
        ]
      : []),
    { namespace, apiGroups: [''], resources: ['secrets'], verbs: ['get', 'patch'], resourceNames: own },
    // a name cannot restrict `create`: the object has none yet when it is checked
    { namespace, apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
    ...(isSpoke
      ? []
      : [
          {
            namespace,
            apiGroups: [''],
            resources: ['pods'],
            verbs: ['get', 'list', 'watch', ...(nudge ? ['patch'] : [])],
          },
        ]),
    { namespace, apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
    {
      namespace,
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: ['get', 'update'],
      resourceNames: [`${release}-operator`],
    },
  ]
}

/** What the account of the create-only keys Job may do. */
export const keysJobRules = (release: string, namespace: string): RbacRule[] => [
  { namespace, apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: [keysSecretName(release)] },
  { namespace, apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
]
