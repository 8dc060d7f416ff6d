import { join } from 'node:path'
import { followCertificateFiles } from '@nauthera/proto/certificate-source'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import { shortDigest } from '@nauthera/proto/digest'
import { linkFiles, shardCount } from '@nauthera/proto/names'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { createBackoff } from './time/backoff.ts'
import { pause } from './time/clock.ts'
import type { Clock } from './time/clock.ts'
import { createFollowReplicas } from './replicas/follow-replicas.ts'
import { ApiError } from './kubernetes/api-error.ts'
import { createSecretStore } from './kubernetes/conditional-write.ts'
import type { SecretStore } from './kubernetes/conditional-write.ts'
import type { Connection } from './kubernetes/connection.ts'
import { createEventRecorder } from './kubernetes/events.ts'
import { createLease, writeWhileHeld } from './kubernetes/lease.ts'
import type { LeaseTimes } from './kubernetes/lease.ts'
import type { PodObject } from './kubernetes/objects.ts'
import { createLink } from './replicas/link.ts'
import { createNudge, noNudge } from './shards/nudge.ts'
import { createOperatorMetrics } from './metrics.ts'
import type { OperatorMetrics } from './metrics.ts'
import { createReconciler } from './reconcile.ts'
import { createReplicas } from './replicas/replicas.ts'
import type { Settings } from './settings.ts'
import { createWatch } from './intake/watch.ts'
import { createWorkQueue } from './intake/work-queue.ts'
import { createShards } from './shards/shards.ts'
import { createWriteStatus } from './status/write-status.ts'

/** Clients that are worked on at the same time. */
const workers = 16
/** All clients that are looked at for a common reason are spread over this long at most. Milliseconds. */
const spreadMs = 20_000
/** Up to so many are looked at without a spread. */
const spreadFrom = 100
/** How long the start waits for the link at most. Milliseconds. */
const linkWaitMs = 5_000

export interface OperatorNeeds {
  readonly settings: Settings
  readonly version: string
  readonly connection: Connection
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  readonly metrics: Metrics
  readonly leaseTimes?: LeaseTimes
  /** Leadership or a part that all stands on is gone: the process is to end. */
  readonly onFatal: (reason: string) => void
}

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
    onLost: (reason) => {
      log.error({ code: 'LEASE_LOST', reason }, 'lease lost')
      needs.onFatal(`LEASE_LOST: ${reason}`)
    },
  })
  const stops: Stops = []

  const lead = async () => {
    await lease.acquire()
    metrics.leading.set(1)
    await startLeading({ ...needs, connection: writeWhileHeld(connection, lease) }, metrics, stops, stopping.signal)
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

type Stops = (() => Promise<void> | void)[]

/** Wires and starts everything that only the leader does. Resolves when all is listed and the first keys are queued.
 *  @param stops gets what is to be stopped, in the order of starting */
async function startLeading(
  needs: OperatorNeeds,
  metrics: OperatorMetrics,
  stops: Stops,
  stopping: AbortSignal,
): Promise<void> {
  const { settings, connection, clock, random, log } = needs
  const { release, namespace } = settings
  const secrets = createSecretStore(connection)
  const countWrite = (kind: string) => metrics.writes.inc({ kind })
  let pods = new Set<string>()

  const events = createEventRecorder({
    connection,
    component: 'nauthera-operator',
    instance: settings.identity,
    clock,
    log,
  })
  stops.push(() => events.flush())

  const onLinkWritten = () => {
    countWrite('link')
    nudge.push()
  }
  const replicas = createReplicas({
    release,
    namespace,
    version: needs.version,
    certificates: { current: () => certificates.current(), onChange: () => () => {} },
    clock,
    random,
    log,
    onChange: () => {
      follow.changed()
      countReplicas()
    },
  })
  stops.push(() => replicas.stop())
  const countReplicas = () => {
    const connected = replicas.list().filter(({ serverConnected }) => serverConnected).length
    metrics.replicas.set({ state: 'connected' }, connected)
    metrics.replicas.set({ state: 'absent' }, replicas.list().length - connected)
  }

  const shards = createShards({
    secrets,
    release,
    namespace,
    highestSeq: replicas.highestSeq,
    clock,
    random,
    log,
    onStored: (keys) => addAll(keys),
    onManifest: (digest) => {
      replicas.expect(digest)
      nudge.push()
    },
    onWrite: (kind, milliseconds) => {
      countWrite(kind)
      metrics.writeSeconds.observe({ kind }, milliseconds / 1000)
    },
  })
  stops.push(() => shards.stop())

  const isBehind = (pod: string): boolean => {
    const replica = replicas.list().find((one) => one.replica === pod)
    // Its agent has not started: it will mount what stands there then.
    if (!replica) return false
    const seqs = new Map(replica.live.map(({ shard, seq }) => [shard, Number(seq)]))
    return Array.from({ length: shardCount }, (_, shard) => shard).some(
      (shard) => (seqs.get(shard) ?? 0) < shards.seq(shard),
    )
  }
  const nudge = settings.nudge
    ? createNudge({
        connection,
        namespace,
        pods: () => [...pods],
        isBehind,
        revision: () => shortDigest(shards.manifestDigest()),
        clock,
        log,
      })
    : noNudge
  stops.push(() => nudge.stop())

  const follow = createFollowReplicas({
    replicas,
    shards,
    allKeys: () => watch.clients.keys(),
    onKeys: (keys) => addAll(keys),
    onMany: (keys) => addSpread(keys),
  })

  const certificates = await startLink({ settings, secrets, clock, log, stops, stopping, onWritten: onLinkWritten })
  await loadShards()
  if (stopping.aborted) return

  /** Nothing may be rendered before it is known what stands there. */
  async function loadShards(): Promise<void> {
    const backoff = createBackoff({ baseMs: 800, capMs: 30_000, random })
    while (!stopping.aborted) {
      try {
        return await shards.load()
      } catch (error) {
        const retryMs = backoff.next()
        log.warn({ error, retry: `${Math.round(retryMs)}ms` }, 'shards not read')
        await pause(clock, retryMs, stopping)
      }
    }
  }

  const onPods = (found: Iterable<PodObject>) => {
    const all = [...found]
    replicas.setPods(all)
    countReplicas()
    const staying = all.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    const names = new Set(staying.map(({ metadata }) => metadata.name))
    const joined = [...names].some((name) => !pods.has(name))
    pods = names
    // A pod that has just come may have mounted what stood there before the last write.
    if (joined) nudge.push()
  }

  const watch = createWatch({
    settings,
    connection,
    clock,
    random,
    log,
    knownKeys: new Map(shards.storedKeys().map((key) => [key, true])),
    onClients: (keys) => addAll(keys),
    onResync: (keys) => {
      const all = [...keys]
      reconciler.doubt(all)
      addSpread(all)
    },
    onPods,
  })
  stops.push(() => watch.stop())

  const reconciler = createReconciler({
    settings,
    baseline: settings.policy,
    watch,
    secrets,
    shards,
    replicas,
    follow,
    status: createWriteStatus({ connection, events, clock, onWrite: () => countWrite('status') }),
    clock,
    log,
    again: (key, milliseconds) => queue.addAfter(key, milliseconds),
    onWrite: countWrite,
  })

  const queue = createWorkQueue({
    work: async (key) => {
      const stopTimer = metrics.reconcileSeconds.startTimer()
      try {
        await reconciler.reconcile(key)
      } finally {
        stopTimer()
        metrics.queueDepth.set(queue.depth)
        metrics.clients.set(watch.clients.size)
      }
    },
    workers,
    clock,
    waitFor: (error) => (error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0),
    onFailed: (key, error, retryInMs) => {
      if (stopping.aborted) return
      metrics.reconcileFailures.inc()
      log.warn({ client: key, error, retry: `${Math.round(retryInMs)}ms` }, 'reconcile failed')
    },
  })
  stops.push(() => queue.stop())

  const addAll = (keys: Iterable<string>) => {
    for (const key of keys) queue.add(key)
  }
  const addSpread = (keys: Iterable<string>) => {
    const all = [...keys]
    if (all.length <= spreadFrom) return addAll(all)
    for (const key of all) queue.addAfter(key, random() * spreadMs)
  }

  await watch.start()
  if (stopping.aborted) return
  const keys = [...watch.clients.keys()]
  shards.open(keys)
  addAll(keys)
  log.info({ clients: keys.length, revision: shortDigest(shards.manifestDigest()) }, 'started')
}

/** The certificates of the status port: made by us, or mounted by somebody else. */
async function startLink(about: {
  settings: Settings
  secrets: SecretStore
  clock: Clock
  log: Log
  stops: Stops
  stopping: AbortSignal
  onWritten: () => void
}): Promise<CertificateSource> {
  const { settings, clock, log, stops, stopping } = about
  const { mode, directory } = settings.link
  if (mode === 'existing') {
    const at = (file: string) => join(directory ?? '', file)
    const files = await followCertificateFiles(
      { ca: at(linkFiles.ca), cert: at(linkFiles.operatorCert), key: at(linkFiles.operatorKey) },
      { onFault: (error) => log.warn({ code: 'LINK_INVALID', error }, 'link unusable') },
    )
    stops.push(() => files.stop())
    return files
  }
  const link = createLink({ ...about, release: settings.release, namespace: settings.namespace })
  stops.push(() => link.stop())
  // Without it no replica can be asked; but shards can be written, so nothing waits for ever.
  await Promise.race([link.start(), pause(clock, linkWaitMs, stopping)])
  return link.certificates
}
