import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { freePort } from '@nauthera/local/processes/ports'
import { hubObjects } from '@nauthera/operator/kubectl/clusters/hub-objects'
import { spokeName } from '@nauthera/proto/names'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import type { RbacRule } from '@nauthera/stand-in/http/rbac'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { operatorRules } from '@nauthera/stand-in/operator-rules'
import type { Chain } from './chain.ts'

const release = { name: 'nauthera', namespace: 'auth' }
/** A week, as `cluster join` asks for. */
export const tokenSeconds = 604_800

/** Another cluster with an operator and nothing else, whose hub is the cluster of a chain. */
export interface ChainSpoke {
  readonly api: KubeApi
  readonly kube: KubeClient
  readonly operator: RunningProcess
  readonly managementPort: number
  /** What its operator has written. */
  readonly lines: readonly string[]
  readonly kubeconfig: string
  /** The hub takes its token no more. */
  revokeToken(): void
  /** `cluster join` once more: the Secret here has a new token. */
  joinAgain(): void
  stop(): Promise<void>
}

/** @param about.apps the namespace of its applications
 *  @param about.through changes the kubeconfig of the hub, such as to another port
 *  @param about.copies it is a copy of this one, with its values */
export async function startChainSpoke(
  chain: Chain,
  about: { cluster: string; apps: string; through?: (kubeconfig: string) => string; copies?: ChainSpoke },
): Promise<ChainSpoke> {
  const { cluster, apps, copies, through = (kubeconfig: string) => kubeconfig } = about
  const directory = join(chain.directory, `spoke-${cluster}${copies ? '-copy' : ''}`)
  const hub = chain.stack.api
  mkdirSync(directory)
  const lines: string[] = []
  const api = await startKubeApi({ namespaces: [release.namespace, apps, 'kube-system'] })
  const kubeconfig = copies?.kubeconfig ?? through(joinHub(hub, cluster))
  const putKubeconfig = (text: string) => {
    const metadata = { name: 'nauthera-hub', namespace: release.namespace }
    const data = { kubeconfig: Buffer.from(text).toString('base64') }
    api.set({ apiVersion: 'v1', kind: 'Secret', metadata, data } as KubeObject)
  }
  putKubeconfig(kubeconfig)
  const rights = { mode: 'cluster', release: release.name, namespace: release.namespace, nudge: false } as const
  writeFileSync(
    join(directory, 'kubeconfig'),
    api.addUser('operator', operatorRules({ ...rights, hubSecret: 'nauthera-hub' })),
  )
  const settings = join(directory, 'operator.yaml')
  const managementPort = await freePort()
  writeFileSync(
    settings,
    JSON.stringify({
      issuer: chain.stack.issuer,
      release: release.name,
      namespace: release.namespace,
      mode: 'spoke',
      spoke: { cluster, kubeconfigSecret: 'nauthera-hub' },
      identity: 'operator-0',
      management: { host: '127.0.0.1', port: managementPort },
    }),
  )
  const operator = startProcess({
    name: 'spoke',
    script: 'operator/src/main.ts',
    args: ['--settings', settings],
    env: { KUBECONFIG: join(directory, 'kubeconfig') },
    onLine: (line) => void lines.push(line),
  })
  return {
    api,
    kube: createKubeClient(api.adminConfig),
    operator,
    managementPort,
    lines,
    kubeconfig,
    revokeToken: () => {
      hub.removeUser(cluster)
      for (const watch of hub.watches) if (watch.user === cluster) watch.reset()
    },
    joinAgain: () => putKubeconfig(through(joinHub(hub, cluster))),
    stop: async () => {
      await operator.stop()
      await api.stop()
    },
  }
}

/** @returns the kubeconfig of the spoke */
function joinHub(api: KubeApi, cluster: string): string {
  const made: Readonly<Record<string, string>> = {
    OIDCCluster: 'oidcclusters',
    Namespace: 'namespaces',
    ConfigMap: 'configmaps',
    Lease: 'leases',
  }
  const objects = hubObjects(cluster)
  for (const object of objects) {
    const plural = made[object.kind]
    const { namespace, name } = object.metadata
    if (plural && !api.store.find(api.resource(plural), namespace, name)) api.set(object as KubeObject)
  }
  const role = objects.find(({ kind }) => kind === 'Role')?.['rules'] as readonly RbacRule[]
  const namespace = namespaceOfCluster(cluster)
  const rules = role.map((rule) => ({ ...rule, namespace }))
  // the address stays when the token changes
  return api.addUser(cluster, rules, { token: accountToken(api, namespace) }).replace(/\/token-\S+/, '')
}

/** As `cluster join` asks for it. */
function accountToken(api: KubeApi, namespace: string): string {
  const now = Math.floor(Date.now() / 1000)
  const sub = `system:serviceaccount:${namespace}:${spokeName}`
  return api.accountKeys.sign({ sub, iat: now, exp: now + tokenSeconds, jti: randomUUID() })
}
