// Two clusters: a hub with its operator and replicas, and a spoke that has joined it.
import { fieldsOf } from '@nauthera/runtime/json'
import { spokeName } from '@nauthera/proto/names'
import { present } from '@nauthera/operator/decide/client/present'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { hubObjects } from '@nauthera/operator/kubectl/clusters/hub-objects'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import { holdBackup } from '@nauthera/stand-in/backup'
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
  /** The newest. */
  readonly hubOperator: TestOperator
  /** Starts an operator in mode spoke. @param rules default: what the chart gives it */
  startSpoke(settings?: Record<string, unknown>, rules?: readonly RbacRule[]): TestOperator
  mirror(name: string): OIDCClient | undefined
  /** By which replicas of the hub a secret of the client is accepted. */
  acceptedBy(name: string, secret: string): readonly boolean[]
  /** The API of the hub answers the spoke no more, and its watches break. @returns brings it back */
  takeHubAway(): () => void
  /** Another cluster that was copied with its values: it has no clients. @returns its operator */
  startCopy(): Promise<TestOperator>
  /** The hub takes the token of the spoke no more, and its watches break. */
  revokeToken(): void
  /** Somebody deletes the Secret with which the spoke gets into its hub. */
  loseCredential(): void
  /** The hub gives the spoke no rights any more, as after the first step of `cluster leave`. @returns gives them back */
  loseRights(): () => void
  /** `cluster join` once more: the Secret in the spoke has a new token. */
  joinAgain(): void
  /** Keeps mirrors and shards as they are now. @returns puts them back, as a restore of the hub does: its operator begins anew, and
   *  every watch breaks */
  backUpHub(): () => Promise<void>
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
 *  @param options.replicas how many servers the hub has
 *  @param options.definitions what the API of the hub knows; default: the chart's
 *  @param options.settings of the hub's operator */
export async function startPair(
  options: { replicas?: number; definitions?: readonly KubeObject[]; settings?: Record<string, unknown> } = {},
): Promise<Pair> {
  const hub = await startCluster({ namespaces: [namespace], ...present({ definitions: options.definitions }) })
  const spoke = await startSpokeCluster(joinHub(hub.api))
  const copies: { cluster: Cluster; operator: TestOperator }[] = []
  const names = Array.from({ length: options.replicas ?? 2 }, (_, index) => `server-${index}`)
  const replicas = await Promise.all(names.map((name) => hub.startReplica(name)))
  const startHubOperator = () =>
    hub.startOperator({ settings: { policy: { allow: { verifiers: true } }, ...options.settings } })
  let hubOperator = startHubOperator()
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
  const failWith = (effect: Parameters<KubeApi['faults']['add']>[0]['effect']) => {
    const back = hub.api.faults.add({ when: ({ userAgent }) => isSpoke(userAgent), effect })
    breakWatches(hub.api)
    return back
  }
  const takeHubAway = () => failWith({ kind: 'reset' })
  return {
    hub,
    spoke,
    replicas,
    get hubOperator() {
      return hubOperator
    },
    violations,
    everStored,
    allow: (secret) => void allowed.add(secret),
    holdAs: (holderIdentity) => {
      const lease = hub.api.store.find(hub.api.resource('leases'), namespace, spokeName)!
      hub.api.set({ ...lease, spec: holderIdentity === undefined ? {} : { holderIdentity } })
    },
    acceptedBy,
    startSpoke: (settings = {}, rules) => {
      const operator = spoke.startOperator({ settings: { ...spokeSettings, ...settings }, ...present({ rules }) })
      spokes.push(operator)
      return operator
    },
    mirror: (name) => hub.client(`${appsNamespace}.${name}`, namespace),
    takeHubAway,
    startCopy: async () => {
      const cluster = await startSpokeCluster(readKubeconfig(spoke.api))
      const operator = cluster.startOperator({ settings: spokeSettings })
      copies.push({ cluster, operator })
      await operator.leading
      return operator
    },
    loseCredential: () => spoke.api.store.remove(spoke.api.resource('secrets'), releaseNamespace, hubSecret),
    loseRights: () => failWith({ kind: 'refuse', code: 403 }),
    revokeToken: () => {
      hub.api.removeUser(clusterName)
      breakWatches(hub.api)
    },
    joinAgain: () => storeKubeconfig(spoke.api, joinHub(hub.api)),
    backUpHub: () => {
      const setBack = holdBackup(hub.api, [namespace, releaseNamespace])
      return async () => {
        const back = takeHubAway()
        await hubOperator.stop()
        setBack()
        const { clock } = hubOperator
        hubOperator = startHubOperator()
        hubOperator.clock.leap(clock.now() - hubOperator.clock.now())
        await hubOperator.leading
        back()
      }
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
        const all = [hubOperator, ...spokes.slice(-1), ...copies.map(({ operator }) => operator)]
        await Promise.all(all.map((operator) => operator.pass(step)))
      }
    },
    stop: async () => {
      stopRecording()
      stopWatching()
      await Promise.all(copies.map(({ cluster }) => cluster.stop()))
      await spoke.stop()
      await hub.stop()
    },
  }
}

const spokeSettings = { mode: 'spoke', spoke: { cluster: clusterName, kubeconfigSecret: hubSecret }, nudge: false }

async function startSpokeCluster(kubeconfig: string): Promise<Cluster> {
  const cluster = await startCluster({ namespaces: ['kube-system'] })
  storeKubeconfig(cluster.api, kubeconfig)
  return cluster
}

const storeKubeconfig = (api: KubeApi, kubeconfig: string) =>
  api.set({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: hubSecret, namespace: releaseNamespace },
    data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
  })

function readKubeconfig(api: KubeApi): string {
  const { kubeconfig } = fieldsOf(api.store.find(api.resource('secrets'), releaseNamespace, hubSecret)?.['data'])
  return Buffer.from(String(kubeconfig), 'base64').toString()
}

function breakWatches(api: KubeApi): void {
  for (const watch of api.watches) if (watch.user === clusterName) watch.reset()
}

const isSpoke = (userAgent: string): boolean => userAgent === 'nauthera-operator/0.0.0-test'

const mirrorsOf = (api: KubeApi) =>
  api.store.all(api.resource('oidcclients')).map(({ metadata, ...rest }) => ({ name: metadata.name, ...rest }))

/** The kinds that the stand-in knows. */
const plurals: Readonly<Record<string, string>> = {
  OIDCCluster: 'oidcclusters',
  ConfigMap: 'configmaps',
  Lease: 'leases',
}

/** What `kubectl nauthera cluster join` makes. @returns the kubeconfig of the spoke */
function joinHub(api: KubeApi): string {
  const objects = hubObjects(clusterName)
  const isThere = ({ kind, metadata }: (typeof objects)[number]) =>
    api.store.all(api.resource(plurals[kind] ?? '')).some((one) => one.metadata.name === metadata.name)
  for (const object of objects.filter(({ kind }) => kind in plurals)) {
    if (!isThere(object)) api.set(object as KubeObject)
  }
  const given = (objects.find(({ kind }) => kind === 'Role')?.['rules'] ?? []) as readonly RbacRule[]
  const rules = given.map((rule) => ({ ...rule, namespace }))
  // the address stays when the token changes
  return api.addUser(clusterName, rules, { namespace }).replace(/\/token-[0-9a-f]+/, '')
}
