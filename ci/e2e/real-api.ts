// The cluster that KUBECONFIG names: our kinds, and users with rights of their own.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import { readDefinitions } from '@nauthera/stand-in/manifests'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { without } from '@nauthera/stand-in/objects'
import type { RbacRule } from '@nauthera/stand-in/http/rbac'
import { until } from './support/kubernetes.ts'

export interface RealApi {
  readonly admin: KubeClient
  /** Makes a service account with roles of these rules, in force.
   *  @returns its kubeconfig */
  addUser(rules: readonly RbacRule[], namespace: string): Promise<string>
  /** Takes away what it brought to the whole cluster: roles, and the kinds that were not there before. */
  removeBrought(): Promise<void>
}

/** @returns when our kinds are served */
export async function connectRealApi(): Promise<RealApi> {
  const kubeconfig = readFileSync(process.env['KUBECONFIG']!, 'utf8')
  const admin = createKubeClient(kubeconfig)
  const brought: string[] = []
  for (const definition of readDefinitions() as Json[]) {
    const path = `${definitions}/${definition.metadata.name}`
    if ((await admin.call('GET', path)).status === 404) brought.push(path)
    await installDefinition(admin, definition)
  }
  return {
    admin,
    addUser: (rules, namespace) => addUser(admin, kubeconfig, rules, namespace, brought),
    removeBrought: async () => {
      for (const path of brought) {
        await admin.call('DELETE', path)
        await until(`${path} to go`, async () => (await admin.call('GET', path)).status === 404)
      }
    },
  }
}

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

async function installDefinition(admin: KubeClient, definition: Json): Promise<void> {
  const path = `${definitions}/${definition.metadata.name}`
  const applied = await admin.call('PATCH', path, {
    query: { fieldManager: 'e2e', force: true },
    body: definition,
    contentType: 'application/apply-patch+yaml',
  })
  if (applied.status >= 300) throw new Error(`${definition.metadata.name}: ${JSON.stringify(applied.body)}`)
  const { group, names, versions } = definition.spec
  await until(`${names.plural} to be served`, async () => {
    const { body } = await admin.call('GET', path)
    const isEstablished = body.status?.conditions?.some(
      (one: Json) => one.type === 'Established' && one.status === 'True',
    )
    if (!isEstablished) return false
    return (await admin.call('GET', `/apis/${group}/${versions[0].name}/${names.plural}`)).status === 200
  })
}

/** @param brought gets the path of each object that is in no namespace */
async function addUser(
  admin: KubeClient,
  kubeconfig: string,
  rules: readonly RbacRule[],
  namespace: string,
  brought: string[],
): Promise<string> {
  const name = `user-${randomBytes(3).toString('hex')}`
  const post = async (path: string, body: Json) => {
    const answer = await admin.call('POST', path, { body })
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const account = { kind: 'ServiceAccount', name, namespace }
  await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name },
  })
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  for (const scope of new Set(rules.map((rule) => rule.namespace))) {
    const [role, binding] = scope === undefined ? ['ClusterRole', 'ClusterRoleBinding'] : ['Role', 'RoleBinding']
    const base = scope === undefined ? rbac : `${rbac}/namespaces/${scope}`
    const apiVersion = 'rbac.authorization.k8s.io/v1'
    const inScope = rules.filter((rule) => rule.namespace === scope).map((rule) => without(rule, 'namespace'))
    await post(`${base}/${role.toLowerCase()}s`, { apiVersion, kind: role, metadata: { name }, rules: inScope })
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: role, name }
    await post(`${base}/${binding.toLowerCase()}s`, {
      apiVersion,
      kind: binding,
      metadata: { name },
      roleRef,
      subjects: [account],
    })
    if (scope === undefined) {
      for (const kind of [role, binding]) brought.push(`${rbac}/${kind.toLowerCase()}s/${name}`)
    }
  }
  const issued = await post(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3600 },
  })
  const own = withToken(kubeconfig, issued.status.token)
  const user = createKubeClient(own)
  const [rule] = rules
  await until('the rights to be in force', async () => {
    const attributes = {
      namespace: rule!.namespace,
      verb: rule!.verbs[0],
      group: rule!.apiGroups[0],
      resource: rule!.resources[0],
    }
    const { body } = await user.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: attributes },
      },
    })
    return body.status?.allowed === true
  })
  return own
}

/** The same cluster, another user. */
function withToken(kubeconfig: string, token: string): string {
  const { clusters } = parse(kubeconfig) as { clusters: { name: string }[] }
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters,
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'user', context: { cluster: clusters[0]!.name, user: 'user' } }],
    'current-context': 'user',
  })
}
