import { validityOf } from '@nauthera/proto/certificate-source'
import { shortDigest } from '@nauthera/proto/digest'
import { GiveBack } from '@nauthera/runtime/give-back'
import { describeError } from '@nauthera/runtime/log'
import { createOwnerProof } from './decide/secret/owner-proof.ts'
import type { OwnerProof } from './decide/secret/owner-proof.ts'
import { Crowd } from './intake/crowd.ts'
import { createWake } from './intake/wake.ts'
import type { Wake } from './intake/wake.ts'
import { createWatch } from './intake/watch.ts'
import { createReadVersion } from './kubernetes/conditional-write.ts'
import { createLease, writeWhileHeld } from './kubernetes/lease.ts'
import { createOperatorMetrics, recordClusters, recordReplicas } from './metrics.ts'
import { createReplicaOutlet } from './reconcile/replica-outlet.ts'
import type { ReplicaOutlet } from './reconcile/replica-outlet.ts'
import type { Issuers } from './replicas/issuers.ts'
import { readOutsideClusters } from './secret/outside-clusters.ts'
import { macBy } from './secret/proof-key.ts'
import { ClusterReports } from './status/cluster-reports.ts'
import { PolicyReports } from './status/policy-reports.ts'
import { PolicyTally } from './status/policy-tally.ts'
import { Refusals } from './status/refusals.ts'
import { reportMirrorChange } from './status/mirror-changes.ts'
import { pause } from './time/clock.ts'
import { tryUntilDone } from './time/try-until-done.ts'
import type { Leader, OperatorNeeds, Stops } from './app/leader.ts'
import { buildReconciler, buildWriteStatus } from './app/parts.ts'
import { buildQueue, startQueue } from './app/queue.ts'
import { buildIssuers, buildServers } from './app/servers.ts'
import type { Servers } from './app/servers.ts'
import { startSpoke } from './app/spoke.ts'

interface ProvingServers extends Servers {
  readonly proof: OwnerProof
}

/** How long the start waits for the link at most. Milliseconds. */
const linkWaitMs = 5_000

export interface Operator {
  /** Resolves once this process leads, has listed everything and works. */
  readonly leading: Promise<void>
  /** Ends the running steps, names what was written in the manifest, gives the Lease back. */
  stop(): Promise<void>
}

/** Starts the operator: a standby until it has the Lease, then the one that writes. */
export function startOperator(needs: OperatorNeeds): Operator {
  const { settings, connection, clock, log } = needs
  const stopping = new AbortController()
  const metrics = createOperatorMetrics(needs.metrics)
  const lease = createLease({
    connection,
    namespace: settings.namespace,
    name: `${settings.release}-operator`,
    identity: settings.identity,
    clock,
    log,
    ...(needs.leaseTimes ? { times: needs.leaseTimes } : {}),
    random: needs.random,
    onLost: (reason, backOffMs) => {
      log.error({ code: 'LEASE_LOST', reason, wait: `${Math.round(backOffMs)}ms` }, 'lease lost')
      needs.onFatal(`LEASE_LOST: ${reason}`, backOffMs)
    },
  })
  const stops: Stops = []

  const lead = async () => {
    await lease.acquire()
    await startLeading({
      ...needs,
      onRender: needs.metrics.onRender,
      connection: writeWhileHeld(connection, lease),
      whileHeld: (other) => writeWhileHeld(other, lease),
      metrics,
      stops,
      stopping: stopping.signal,
    })
    if (!stopping.signal.aborted) metrics.leading.set(1)
  }
  const leading = lead()
  leading.catch((error: unknown) => {
    if (stopping.signal.aborted) return
    log.error({ error }, 'operator failed')
    needs.onFatal(describeError(error))
  })

  return {
    leading,
    stop: async () => {
      stopping.abort()
      for (const stop of stops.splice(0).reverse()) await stop()
      await lease.release()
      metrics.leading.set(0)
    },
  }
}

/** Starts everything that only the leader does: first what writes, then what wakes it. Resolves when all is listed and the
 *  first keys are queued. */
async function startLeading(leader: Leader): Promise<void> {
  if (leader.settings.mode === 'spoke') return await startSpoke(leader)
  const { metrics, stops, stopping } = leader
  const crowd = new Crowd()
  const servers = await buildServers(leader, crowd)
  const { events, link, proofKey, replicas, shards, nudge } = servers
  stops.push(
    () => events.flush(),
    () => replicas.stop(),
    () => shards.stop(),
    () => nudge.stop(),
    () => link.stop(),
    () => proofKey.stop(),
  )
  const onLinkWritten = () => {
    metrics.writes.inc({ kind: 'link' })
    nudge.push()
  }
  // Without certificates no replica can be asked; but shards can be written, so the start does not wait longer.
  await Promise.race([link.start(onLinkWritten), pause(leader.clock, linkWaitMs, stopping)])
  const key = await proofKey.load(stopping)
  if (!key) return
  await tryUntilDone(() => shards.load(), { ...leader, failed: 'shards not read' }, stopping)
  if (stopping.aborted) return
  replicas.expect(shards.manifestDigest())
  await startIntake(leader, { ...servers, proof: createOwnerProof(macBy(key)) }, crowd)
}

async function startIntake(leader: Leader, servers: ProvingServers, crowd: Crowd): Promise<void> {
  const { metrics, stops, stopping, log } = leader
  const { link, replicas, shards, follow, nudge } = servers
  const queue = buildQueue(leader)
  const wake = createWake(queue, leader.random)
  let isListed = false
  const issuers = buildIssuers(
    leader,
    servers,
    () => (isListed ? watch.clusters() : undefined),
    () => wake.now(follow.platformClients()),
  )
  const intake = buildIntake(leader, servers, { issuers, queue, wake })
  const { watch, reconciler, outlet, refusals, reports, clusterReports, rounds } = intake
  const giveBack = new GiveBack(leader.clock)
  stops.push(
    () => giveBack.stop(),
    () => refusals?.stop(),
    () => reports.stop(),
    () => clusterReports.stop(),
    () => rounds.stop(),
    () => watch.stop(),
    () => outlet.stop(),
    () => queue.stop(),
    () => issuers.stop(),
  )
  await startWakers(leader, servers, { watch, refusals, issuers, wake })
  if (stopping.aborted) return
  isListed = true
  const keys = [...watch.clients.keys()]
  shards.open(keys, {
    onStored: wakeOnStored(wake, outlet),
    isJoined: () => watch.clusters().length > 0,
    onManifest: (digest) => {
      replicas.expect(digest)
      nudge.push()
    },
  })
  wake.now(keys)
  const onCalm = () => {
    shards.clearWaits()
    giveBack.soon()
  }
  startQueue(leader, { queue, crowd, onCalm, reconciler })
  leader.onRender(() => {
    recordClusters(metrics, clusterReports.lastSeen())
    const linked = link.certificates.current()
    if (linked) metrics.certificateExpiry.set({ certificate: 'link' }, validityOf(linked.cert).notAfter / 1000)
  })
  reports.start()
  clusterReports.start()
  rounds.start()
  giveBack.soon()
  log.info({ clients: keys.length, revision: shortDigest(shards.manifestDigest()) }, 'started')
}

/** Those whose entry is stored, and those that waited for a name of one of them. */
const wakeOnStored = (wake: Wake, outlet: Pick<ReplicaOutlet, 'waitingFor'>) => (stored: readonly string[]) => {
  wake.followUp(stored)
  wake.now(outlet.waitingFor(stored))
}

/** Starts what wakes us: the reports of replicas, the keys of clusters, and the watches. Resolves when all is listed. */
async function startWakers(
  { metrics, log }: Leader,
  { link, replicas, follow, nudge, events }: ProvingServers,
  needs: Pick<ReturnType<typeof buildIntake>, 'watch' | 'refusals'> & { issuers: Issuers; wake: Wake },
): Promise<void> {
  const { watch, refusals, issuers, wake } = needs
  const countReplicas = () => recordReplicas(metrics, replicas.list())
  replicas.start(
    () => {
      const { keys, everybody } = follow.changed()
      wake.followUp(keys)
      if (everybody) wake.spread(watch.clients.keys())
      countReplicas()
    },
    () => link.wake(),
    {
      onUnknownKey: () => issuers.wake(),
      onClients: wake.followUp,
      onRefusals: (uid, refused) => refusals?.record(uid, refused),
    },
  )
  issuers.start()
  await watch.start({
    onClients: wake.now,
    onResync: (keys) => {
      for (const known of [replicas, refusals]) known?.removeAllBut((key) => watch.clients.find(key) !== undefined)
      wake.spread(keys)
    },
    onPods: (pods) => {
      replicas.setPods(pods)
      countReplicas()
      nudge.setPods(pods)
    },
    onMirror: (client, previous) => reportMirrorChange({ log, events }, client, previous),
  })
}

/** What wakes us, and what is done about a client then. The shards have been read. */
function buildIntake(
  leader: Leader,
  servers: ProvingServers,
  { issuers, queue, wake }: { issuers: Issuers; queue: ReturnType<typeof buildQueue>; wake: Wake },
) {
  const { settings, connection, clock, random, log, metrics } = leader
  const { secrets, proof, events, shards } = servers
  const onWrite = () => metrics.writes.inc({ kind: 'status' })
  const knownKeys = new Map(shards.storedKeys().map((key) => [key, true]))
  const watch = createWatch({
    settings,
    connection,
    clock,
    random,
    log,
    knownKeys,
    isStored: (key) => shards.stored(key) !== undefined,
  })
  const status = buildWriteStatus(leader, events, watch.clients)
  const tally = new PolicyTally()
  const reports = new PolicyReports({
    policies: watch.policies,
    tally,
    isBusy: () => queue.depth > 0,
    settings,
    connection,
    clock,
    log,
    onWrite,
  })
  const clusterReports = new ClusterReports({ watch, connection, clock, log, onWrite })
  const refusals = settings.refusals
    ? new Refusals({ clock, told: (key) => watch.clients.find(key)?.status?.refusals, wake: wake.followUp })
    : undefined
  const outlet = createReplicaOutlet({
    ...leader,
    ...servers,
    baseline: settings.policy,
    watch,
    issuers,
    refusals,
    status,
    tally,
    wake: wake.now,
  })
  const readVersion = readOutsideClusters(createReadVersion(connection))
  const by = { watch, queue, secrets, proof, readVersion, status, outlet, clock }
  return { watch, outlet, refusals, reports, clusterReports, ...buildReconciler(leader, by) }
}
