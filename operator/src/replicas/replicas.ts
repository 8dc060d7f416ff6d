import { dial } from '@nauthera/proto/channel'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import type { RejectedClient } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { StatusService } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import { linkDnsName, statusPortName } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { createBackoff } from '../time/backoff.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'
import type { ReplicaReport } from '../decide/propagation.ts'
import type { PodObject } from '../kubernetes/objects.ts'

/** After so long without a word a replica counts as unreachable. Milliseconds. */
export const unreachableAfterMs = 15_000

/** What one server pod has live, as it said itself. */
export interface Replica extends ReplicaReport {
  readonly rejected: readonly RejectedClient[]
  /** Of the pod. */
  readonly uid: string
  /** How long agent and server of the pod have not both been there for us; 0 while they are. */
  readonly absentMs: number
  /** They have not been there since we began to ask. */
  readonly joining: boolean
}

export interface Replicas {
  /** Tells which pods there are now; others are no longer asked. */
  setPods(pods: Iterable<PodObject>): void
  /** Tells every agent which manifest its server must hold before it may turn ready. */
  expect(manifestDigest: string): void
  list(): readonly Replica[]
  /** The highest seq of a shard that any replica has ever seen; 0 when none told. */
  highestSeq(shard: number): number
  /** Last use of a secret at any replica, epoch milliseconds. */
  lastUsed(client: string, secretId: string): number | undefined
  stop(): Promise<void>
}

/** A seq from outside that is larger is a lie or damage; taking it over would leave no room to count on. */
const largestSeq = 2 ** 48

interface Follower {
  readonly uid: string
  readonly address: string
  readonly stop: AbortController
  readonly done: Promise<void>
  readonly state: FollowerState
}

interface FollowerState {
  /** When we last knew that agent and server were there; at first, when we began to ask. */
  presentAt: number
  joining: boolean
  update: StatusUpdate | undefined
  send: ((digest: string) => void) | undefined
}

/** Keeps one stream to the status port of each server pod.
 *  @param options.onChange a replica's state changed in some way; calls may be many */
export function createReplicas(options: {
  release: string
  namespace: string
  version: string
  certificates: CertificateSource
  clock: Clock
  random: () => number
  log: Log
  onChange: (replica: string) => void
}): Replicas {
  const { release, namespace, clock, log } = options
  const followers = new Map<string, Follower>()
  const started = new Set<string>()
  const highest = new Map<number, number>()
  const used = new Map<string, number>()
  const endings = new Set<Promise<void>>()
  let expected = ''

  const absentMs = (state: FollowerState): number => (isPresent(state) ? 0 : clock.monotonic() - state.presentAt)

  const take = (name: string, state: FollowerState, update: StatusUpdate) => {
    if (update.serverConnected || isPresent(state)) state.presentAt = clock.monotonic()
    if (update.serverConnected) state.joining = false
    state.update = update
    for (const ref of [...update.seen, ...update.live]) {
      const seq = Number(ref.seq)
      if (seq <= largestSeq && seq > (highest.get(ref.shard) ?? 0)) highest.set(ref.shard, seq)
    }
    for (const use of update.uses) {
      const key = useKey(`${use.namespace}/${use.name}`, use.secretId)
      const at = Number(use.lastUsed?.seconds ?? 0n) * 1000
      if (at > (used.get(key) ?? 0)) used.set(key, at)
    }
    options.onChange(name)
  }

  const follow = async (
    name: string,
    target: { host: string; port: number },
    state: FollowerState,
    stop: AbortSignal,
  ) => {
    const backoff = createBackoff({ baseMs: 100, capMs: 30_000, random: options.random })
    while (!stop.aborted) {
      try {
        const stream = await dial({
          method: StatusService.method.watch,
          target,
          certificates: options.certificates,
          serverName: linkDnsName('agent', release, namespace),
          connectTimeoutMs: 2_000,
          signal: stop,
        })
        const send = (digest: string) => {
          stream.send({ expectedManifestDigest: digest, operatorVersion: options.version }).catch(() => {
            // The stream is broken; the loop below ends with the reason.
          })
        }
        state.send = send
        send(expected)
        for await (const update of stream) {
          backoff.reset()
          take(name, state, update)
        }
      } catch (error) {
        if (!stop.aborted) log.debug({ replica: name, error }, 'replica broken')
      }
      if (stop.aborted) return
      const answered = state.update !== undefined
      if (isPresent(state)) state.presentAt = clock.monotonic()
      state.send = undefined
      state.update = undefined
      if (answered) options.onChange(name)
      await pause(clock, backoff.next(), stop)
    }
  }

  /** Silence has no event of its own: look again when it has lasted long enough. */
  const watchSilence = (name: string, state: FollowerState, stop: AbortSignal) => {
    let reported = false
    const look = () => {
      const absent = absentMs(state) >= unreachableAfterMs
      if (absent && !reported) {
        log.warn({ code: 'REPLICA_UNREACHABLE', replica: name, answers: state.update !== undefined }, 'replica absent')
        options.onChange(name)
      }
      reported = absent
      cancel = clock.after(1_000, look)
    }
    let cancel = clock.after(1_000, look)
    stop.addEventListener('abort', () => cancel(), { once: true })
  }

  const begin = (name: string, uid: string, target: { host: string; port: number }): Follower => {
    const stop = new AbortController()
    const state: FollowerState = { presentAt: clock.monotonic(), joining: true, update: undefined, send: undefined }
    watchSilence(name, state, stop.signal)
    const done = follow(name, target, state, stop.signal)
    endings.add(done)
    void done.finally(() => endings.delete(done))
    return { uid, address: `${target.host}:${target.port}`, stop, state, done }
  }

  return {
    setPods: (pods) => {
      const wanted = new Map<string, { uid: string; target: { host: string; port: number } }>()
      for (const pod of pods) {
        const uid = pod.metadata.uid ?? ''
        if (hasStartedOnce(pod)) started.add(uid)
        if (!started.has(uid) || !mayServe(pod)) continue
        const host = pod.status?.podIP
        if (host) wanted.set(pod.metadata.name, { uid, target: { host, port: statusPortOf(pod) } })
      }
      for (const [name, follower] of followers) {
        const next = wanted.get(name)
        const same = next?.uid === follower.uid && `${next.target.host}:${next.target.port}` === follower.address
        if (same) continue
        follower.stop.abort()
        followers.delete(name)
        if (!next) {
          log.info({ replica: name }, 'replica gone')
          options.onChange(name)
        }
      }
      for (const [name, { uid, target }] of wanted) {
        if (followers.has(name)) continue
        log.info({ replica: name }, 'replica')
        followers.set(name, begin(name, uid, target))
        options.onChange(name)
      }
    },
    expect: (manifestDigest) => {
      if (manifestDigest === expected) return
      expected = manifestDigest
      for (const { state } of followers.values()) state.send?.(manifestDigest)
    },
    list: () =>
      [...followers].map(([name, { uid, state }]) => ({
        replica: name,
        uid,
        absentMs: absentMs(state),
        joining: state.joining,
        reachable: state.update !== undefined || absentMs(state) < unreachableAfterMs,
        serverConnected: isPresent(state),
        live: state.update?.live ?? [],
        rejected: state.update?.rejected ?? [],
      })),
    highestSeq: (shard) => highest.get(shard) ?? 0,
    lastUsed: (client, secretId) => used.get(useKey(client, secretId)),
    stop: async () => {
      for (const follower of followers.values()) follower.stop.abort()
      followers.clear()
      await Promise.all(endings)
    },
  }
}

const isPresent = (state: FollowerState): boolean => state.update?.serverConnected === true

const useKey = (client: string, secretId: string): string => `${client} ${secretId}`

/** Pods that are going or have ended take no traffic that could still need a secret. */
const mayServe = (pod: PodObject): boolean =>
  pod.metadata.deletionTimestamp === undefined && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed'

/** A pod whose agent never started holds nothing yet and mounts what is written now. One that crashed counts. */
function hasStartedOnce(pod: PodObject): boolean {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  const agent = statuses.find((status) => status.name === agentContainer)
  return agent !== undefined && (agent.started === true || (agent.restartCount ?? 0) > 0)
}

const agentContainer = 'config-agent'
const defaultStatusPort = 9443

function statusPortOf(pod: PodObject): number {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  const ports = containers.filter(({ name }) => name === agentContainer).flatMap(({ ports }) => ports ?? [])
  return ports.find(({ name }) => name === statusPortName)?.containerPort ?? defaultStatusPort
}
