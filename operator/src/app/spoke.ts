// What the leader starts in a cluster that has joined another: the hub takes the place of shards and replicas.
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { createOwnerProof } from '../decide/secret/owner-proof.ts'
import type { OwnerProof } from '../decide/secret/owner-proof.ts'
import { Crowd } from '../intake/crowd.ts'
import { createWake } from '../intake/wake.ts'
import { createWatch, watchedPaths } from '../intake/watch.ts'
import { createReadVersion, createSecretStore } from '../kubernetes/conditional-write.ts'
import { connectLater, createConnection } from '../kubernetes/connection.ts'
import type { HeardAnswer, KubeConnection } from '../kubernetes/connection.ts'
import { readClusterIssuer } from '../kubernetes/issuer.ts'
import { objectPath, resourceTypes } from '../kubernetes/objects.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'
import { macBy } from '../secret/proof-key.ts'
import { HoldCluster } from '../spoke/hold-cluster.ts'
import type { SpokeHolder } from '../spoke/hold-cluster.ts'
import { HubAccess } from '../spoke/hub-access.ts'
import { HubState } from '../spoke/hub-state.ts'
import { Mirrors } from '../spoke/mirrors.ts'
import { createHubOutlet } from '../spoke/outlet.ts'
import { createSweep } from '../spoke/sweep.ts'
import { createTellHub } from '../spoke/tell-hub.ts'
import { tryUntilDone } from '../time/try-until-done.ts'
import type { Leader } from './leader.ts'
import { buildEvents, buildProofKey, buildReconciler, buildWriteStatus } from './parts.ts'
import { buildQueue, startQueue } from './queue.ts'

/** What is known before any client is looked at. */
interface Hub {
  /** Its name for this cluster. */
  readonly cluster: string
  readonly connection: KubeConnection
  readonly access: HubAccess
  readonly state: HubState
  readonly self: SpokeHolder
}

/** Starts everything that only the leader does in a spoke. Resolves when all is listed here; the hub may be away. */
export async function startSpoke(leader: Leader): Promise<void> {
  const { settings, connection, stops, stopping } = leader
  const proofKey = buildProofKey(leader, createSecretStore(connection))
  stops.push(() => proofKey.stop())
  const key = await proofKey.load(stopping)
  const uid = key && (await readClusterUid(leader))
  const release = `${settings.namespace}/${settings.release}`
  const hub = uid === undefined ? undefined : openHub(leader, { uid, release })
  if (!key || !hub) return
  await startWork(leader, hub, createOwnerProof(macBy(key)))
}

/** @returns the uid of kube-system, which no two clusters share; undefined when stopped */
async function readClusterUid(leader: Leader): Promise<string | undefined> {
  const path = objectPath(resourceTypes.namespaces, { name: 'kube-system' })
  const read = async () => (await leader.connection.call<KubernetesObject>({ method: 'GET', path })).metadata.uid
  return await tryUntilDone(read, { ...leader, failed: 'namespace kube-system not read' }, leader.stopping)
}

function openHub(leader: Leader, self: SpokeHolder): Hub | undefined {
  const { settings, connection, clock, log, stops, version } = leader
  if (!settings.spoke) return undefined
  const state = new HubState(clock)
  const access = new HubAccess({
    secrets: createSecretStore(connection),
    namespace: settings.namespace,
    name: settings.spoke.kubeconfigSecret,
    state,
    clock,
    log,
    onMoved: () => leader.onFatal('the address of the hub has changed'),
  })
  const hub = connectLater(() => {
    const credentials = access.credentials()
    const onAnswer = (answer: HeardAnswer) => state.recordAnswer(answer)
    if (credentials === undefined) return undefined
    const networkPolicy = { name: settings.networkPolicy, neighbour: 'hub' } as const
    return createConnection({ credentials, userAgent: `nauthera-operator/${version}`, networkPolicy, onAnswer })
  })
  stops.push(
    () => hub.stop(),
    () => access.stop(),
  )
  return { cluster: settings.spoke.cluster, connection: leader.whileHeld(hub), access, state, self }
}

async function startWork(leader: Leader, hub: Hub, proof: OwnerProof): Promise<void> {
  const { settings, clock, random, log, metrics, stops, stopping } = leader
  const queue = buildQueue(leader)
  const wake = createWake(queue, random)
  // while nobody knows the mirrors, each client may have one: it must be seen, so that a stop of it is sent
  const isStored = (key: string) => !mirrors.isListed || mirrors.find(key) !== undefined
  const here = { knownKeys: new Map(), isStored }
  const watch = createWatch({ settings, connection: leader.connection, clock, random, log, ...here })
  const { mirrors, sweep, reconciler, rounds } = buildSpoke(leader, hub, { proof, queue, wake, watch })
  const parts = buildTalk(leader, hub, () => {
    mirrors.wake()
    wake.spread(watch.clients.keys())
  })
  stops.push(
    () => rounds.stop(),
    () => watch.stop(),
    () => sweep.stop(),
    () => mirrors.stop(),
    () => queue.stop(),
    ...parts.map((part) => () => part.stop()),
  )
  await watch.start({ onClients: wake.now, onResync: wake.spread, onPods: () => {} })
  if (stopping.aborted) return
  await hub.access.start(hub.connection)
  for (const part of parts) part.start()
  mirrors.start()
  sweep.start()
  const keys = [...watch.clients.keys()]
  wake.now(keys)
  startQueue(leader, { queue, crowd: new Crowd(), onCalm: () => {}, reconciler })
  leader.onRender(() => {
    metrics.hubReachable.set({ cluster: hub.cluster }, hub.state.fault ? 0 : 1)
    const endsAt = hub.access.tokenEndsAt()
    if (endsAt !== undefined) metrics.certificateExpiry.set({ certificate: 'hub' }, endsAt / 1000)
  })
  rounds.start()
  log.info({ clients: keys.length, cluster: hub.cluster }, 'started')
}

function buildSpoke(
  leader: Leader,
  hub: Hub,
  about: {
    proof: OwnerProof
    queue: ReturnType<typeof buildQueue>
    wake: ReturnType<typeof createWake>
    watch: ReturnType<typeof createWatch>
  },
) {
  const { settings, connection, clock, random, log, metrics, stops } = leader
  const { proof, queue, wake, watch } = about
  const { cluster, state } = hub
  const { find } = watch.clients
  const mirrors = new Mirrors({
    hub: hub.connection,
    namespace: namespaceOfCluster(cluster),
    state,
    findClient: find,
    namespaceLabels: watch.namespaceLabels,
    namespaceBornAt: watch.namespaceBornAt,
    clock,
    random,
    log,
    onChange: (keys) => {
      wake.now(keys.filter((key) => find(key)))
      if (keys.some((key) => !find(key))) sweep.wake()
    },
    onListed: () => {
      wake.spread(watch.clients.keys())
      sweep.wake()
    },
    onWrite: () => metrics.writes.inc({ kind: 'mirror' }),
  })
  const sweep = createSweep({
    connection,
    paths: watchedPaths(settings),
    mirrors,
    findClient: find,
    state,
    clock,
    log,
  })
  const events = buildEvents(leader)
  stops.push(() => events.flush())
  const { reconciler, rounds } = buildReconciler(leader, {
    watch,
    queue,
    proof,
    secrets: createSecretStore(connection),
    readVersion: createReadVersion(connection),
    status: buildWriteStatus(leader, events, watch.clients),
    outlet: createHubOutlet({ settings, cluster, mirrors, state, findClient: find, onGone: () => sweep.wake() }),
    clock: state.clock,
  })
  return { mirrors, sweep, reconciler, rounds }
}

/** What the hub hears of this cluster as a whole. */
function buildTalk({ connection, clock, log, version }: Leader, hub: Hub, onChange: () => void) {
  const namespace = namespaceOfCluster(hub.cluster)
  const { state, self } = hub
  const lease = new HoldCluster({ hub: hub.connection, namespace, self, state, clock, log, onChange })
  const readIssuer = () => readClusterIssuer(connection)
  const tell = createTellHub({ hub: hub.connection, namespace, version, readIssuer, state, clock, log })
  return [lease, tell]
}
