// Two clusters: a hub with its operator and replicas, and a spoke that has joined it.
import { spokeName } from '@nauthera/proto/names'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { hubObjects } from '@nauthera/operator/kubectl/clusters/hub-objects'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import type { RbacRule } from '@nauthera/stand-in/http/rbac'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { startCluster } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { appsNamespace, releaseNamespace } from './cluster-view.ts'
import type { TestOperator } from './test-operator.ts'
import type { TestReplica } from './replica.ts'

const clusterName = 'edge'
const namespace = namespaceOfCluster(clusterName)
const hubSecret = 'nauthera-hub'

export interface Pair {
  readonly hub: Cluster
  readonly spoke: Cluster
  readonly replicas: readonly TestReplica[]
  readonly hubOperator: TestOperator
  /** Starts an operator in mode spoke. */
  startSpoke(settings?: Record<string, unknown>): TestOperator
  mirror(name: string): OIDCClient | undefined
  /** By which replicas of the hub a secret of the client is accepted. */
  acceptedBy(name: string, secret: string): readonly boolean[]
  /** The API of the hub answers the spoke no more, and its watches break. @returns brings it back */
  takeHubAway(): () => void
  /** Requests of the spoke to the hub, as `verb resource`. */
  calls(from?: number): readonly string[]
  /** Another cluster takes the name in the hub; undefined: nobody has it. */
  holdAs(holder: string | undefined): void
  /** Every version of every object of the hub since the start. */
  readonly everStored: readonly string[]
  /** A test itself puts this secret back: nobody published it. */
  allow(secret: string): void
  /** Each published secret that a replica of the hub would have refused. */
  readonly violations: readonly string[]
  /** Looked at whenever anything changes on either side. */
  until(holds: () => unknown, what: string, timeoutMs?: number): Promise<void>
  /** Moves the time of both sides on. */
  pass(milliseconds: number): Promise<void>
  stop(): Promise<void>
}

/** Starts both, with an operator and replicas in the hub.
 *  @param options.replicas how many servers the hub has */
export async function startPair(options: { replicas?: number } = {}): Promise<Pair> {
  const hub = await startCluster({ namespaces: [namespace] })
  const spoke = await startCluster({ namespaces: ['kube-system'] })
  const kubeconfig = joinHub(hub.api)
  spoke.api.set({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: hubSecret, namespace: releaseNamespace },
    data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
  })
  const names = Array.from({ length: options.replicas ?? 2 }, (_, index) => `server-${index}`)
  const replicas = await Promise.all(names.map((name) => hub.startReplica(name)))
  const hubOperator = hub.startOperator({ settings: { policy: { allow: { verifiers: true } } } })
  await hubOperator.leading
  const spokes: TestOperator[] = []
  const violations: string[] = []
  const allowed = new Set<string>()
  const everStored: string[] = []
  const stopRecording = hub.api.store.onChange(({ object }) => void everStored.push(JSON.stringify(object)))
  const acceptedBy = (name: string, secret: string) =>
    replicas.map((replica) => replica.accepts(`${namespace}/${appsNamespace}.${name}`, secret))
  const stopWatching = spoke.api.store.onChange(({ resource, object }) => {
    if (resource.plural !== 'secrets' || object.metadata.namespace !== appsNamespace) return
    const name = object.metadata.name.replace(/-oidc$/, '')
    const plain = spoke.plain(name)
    if (plain === undefined || allowed.has(plain)) return
    if (acceptedBy(name, plain).includes(false)) violations.push(`${name}: ${plain.slice(0, 4)}`)
  })
  return {
    hub,
    spoke,
    replicas,
    hubOperator,
    violations,
    everStored,
    allow: (secret) => void allowed.add(secret),
    holdAs: (holderIdentity) => {
      const lease = hub.api.store.find(hub.api.resource('leases'), namespace, spokeName)!
      hub.api.set({ ...lease, spec: holderIdentity === undefined ? {} : { holderIdentity } })
    },
    acceptedBy,
    startSpoke: (settings = {}) => {
      const of = { mode: 'spoke', spoke: { cluster: clusterName, kubeconfigSecret: hubSecret }, nudge: false }
      const operator = spoke.startOperator({ settings: { ...of, ...settings } })
      spokes.push(operator)
      return operator
    },
    mirror: (name) => hub.client(`${appsNamespace}.${name}`, namespace),
    takeHubAway: () => {
      const back = hub.api.faults.add({ when: ({ userAgent }) => isSpoke(userAgent), effect: { kind: 'reset' } })
      for (const watch of hub.api.watches) if (watch.user === clusterName) watch.reset()
      return back
    },
    calls: (from = 0) =>
      hub.api.requests
        .slice(from)
        .filter(({ user }) => user === clusterName)
        .map(({ verb, resource }) => `${verb} ${resource?.plural}`),
    until: async (holds, what, timeoutMs) =>
      await spoke.until(holds, what, timeoutMs).catch((error: unknown) => {
        const lines = hubOperator.log.lines.slice(-20).map((line) => JSON.stringify(line))
        throw new Error(`${String(error)}\nhub:\n${lines.join('\n')}\n${JSON.stringify(mirrorsOf(hub.api), null, 1)}`)
      }),
    pass: async (milliseconds) => {
      const stepMs = 4_000
      for (let left = milliseconds; left > 0; left -= stepMs) {
        const step = Math.min(left, stepMs)
        await Promise.all([hubOperator, ...spokes.slice(-1)].map((operator) => operator.pass(step)))
      }
    },
    stop: async () => {
      stopRecording()
      stopWatching()
      await spoke.stop()
      await hub.stop()
    },
  }
}

const isSpoke = (userAgent: string): boolean => userAgent === 'nauthera-operator/0.0.0-test'

const mirrorsOf = (api: KubeApi) =>
  api.store.all(api.resource('oidcclients')).map(({ metadata, ...rest }) => ({ name: metadata.name, ...rest }))

/** The kinds that the stand-in knows. */
const made = ['OIDCCluster', 'ConfigMap', 'Lease']

/** What `kubectl nauthera cluster join` makes. @returns the kubeconfig of the spoke */
function joinHub(api: KubeApi): string {
  const objects = hubObjects(clusterName)
  for (const object of objects.filter(({ kind }) => made.includes(kind))) api.set(object as KubeObject)
  const rulesOf = (kind: string) => (objects.find((one) => one.kind === kind)?.['rules'] ?? []) as readonly RbacRule[]
  const rules = [...rulesOf('Role').map((rule) => ({ ...rule, namespace })), ...rulesOf('ClusterRole')]
  return api.addUser(clusterName, rules, { namespace })
}
