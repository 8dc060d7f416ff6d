import { join } from 'node:path'
import { shardSecretName } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { shardTimes } from '@nauthera/operator/shards/shards'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { applyDefaults } from '@nauthera/stand-in/schema'
import type { RecordedRequest } from '@nauthera/stand-in/state'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { release, startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { measurement, quantile } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import { bundlePrograms } from '../sides/bundles.ts'
import { readOwnMemory } from '../cost/own-memory.ts'
import { cpuSeconds, residentMegabytes } from '../cost/process-cost.ts'
import type { BenchContext } from '../context.ts'

/** A namespace has room for 500 clients. */
const namespaces = Array.from({ length: 25 }, (_, index) => `bench-${index}`)
const namespaceOf = (index: number): string => namespaces[index % namespaces.length]!
const changes = 30
const replicas = 2

/** The goals, by number of clients (docs/measurements.md, "To reach"). Milliseconds, seconds, MB. Of resident memory only where there is
 *  no goal for memory of its own: idle (the row `start`) and for 10,000 clients (`growth`) there is. */
const targets: Readonly<
  Record<
    number,
    {
      shard: [number, number]
      ack: [number, number]
      firstLoad: number | null
      load: number
      operator: number | null
      agent: number | null
    }
  >
> = {
  10: { shard: [20, 100], ack: [10, 50], firstLoad: null, load: 0.3, operator: null, agent: null },
  1_000: { shard: [20, 150], ack: [10, 60], firstLoad: null, load: 0.5, operator: 120, agent: 65 },
  10_000: { shard: [40, 300], ack: [12, 100], firstLoad: 15, load: 2, operator: null, agent: null },
}

/** Own memory for 10,000 clients, MB. */
const growth = { operator: 90, agent: 12, server: 20 }

const ownOf = async (processes: Readonly<Record<keyof typeof growth, RunningProcess>>) => ({
  operator: await readOwnMemory(processes.operator),
  agent: await readOwnMemory(processes.agent),
  server: await readOwnMemory(processes.server),
})

/** From an applied OIDCClient to every replica, with the real processes and the stand-in for the API and the kubelet.
 *  @param clients how many there are while one changes */
export function measureChain(clients: 10 | 1_000 | 10_000): (context: BenchContext) => Promise<Measurement[]> {
  return async ({ directory, say }) => {
    say('bundling')
    const programs = await bundlePrograms(join(directory, 'bundles'))
    const stack = await startStack({
      directory: join(directory, 'stack'),
      replicas,
      namespaces,
      nudgeMs: 0,
      programs,
    })
    try {
      return await measure(stack, clients, say)
    } finally {
      await stack.stop()
    }
  }
}

async function measure(stack: Stack, clients: number, say: (text: string) => void): Promise<Measurement[]> {
  const { api } = stack
  const target = targets[clients]!
  const kind = api.resource('oidcclients')
  const named = Array.from({ length: clients }, (_, index) => ({
    namespace: namespaceOf(index),
    name: `client-${index}`,
  }))
  const pod = stack.pods[0]!
  const processes = { operator: stack.operator, agent: pod.agent, server: pod.server }
  const empty = await ownOf(processes)
  const loaded = await loadFirst(stack, named, say)

  let swappedAt = 0
  const { sync } = pod.clients
  pod.clients.sync = () => {
    const swapped = sync()
    if (swapped) swappedAt = performance.now()
    return swapped
  }
  const times = { shard: [] as number[], ack: [] as number[], ready: [] as number[] }
  const writes: number[] = []
  const quietFrom = new Map<string, number>()
  say(`${changes} changes`)
  await untilIdle(api)
  for (let index = 0; index < changes; index++) {
    const { namespace, name } = named[(index * 7) % named.length]!
    const secret = shardSecretName(release, shardOf(namespace, name))
    // A shard is written at most once a second; that pause does not count as latency of the chain.
    await untilQuiet(quietFrom.get(secret) ?? 0)
    const object = api.store.find(kind, namespace, name)!
    const generation = (object.metadata.generation ?? 1) + 1
    const firstRequest = api.requests.length
    const written = Promise.withResolvers<number>()
    const stopListening = api.store.onChange((change) => {
      if (change.object.metadata.name === secret) written.resolve(performance.now())
    })
    const live = pod.agent
      .line(/\blive\b/, { from: pod.agent.lines.length, timeoutMs: 30_000 })
      .then(() => performance.now())
    const startedAt = performance.now()
    api.set({
      ...object,
      spec: { ...(object['spec'] as object), displayName: `Change ${index}` },
      metadata: { ...object.metadata, generation },
    })
    await waitForObject(api, 'oidcclients', { namespace, name }, isReady, 30_000)
    times.ready.push(performance.now() - startedAt)
    times.shard.push((await written.promise) - startedAt)
    times.ack.push((await live) - swappedAt)
    stopListening()
    quietFrom.set(secret, performance.now() + shardTimes.spacingMs)
    writes.push(api.requests.slice(firstRequest).filter(isWrite).length)
  }

  say('one more replica, cold')
  const cold = await stack.addPod()
  const loading = cold.agent.line(/\bsnapshot\b/, { timeoutMs: 60_000 }).then(() => performance.now())
  await cold.agent.line(/\bcomplete\b/, { timeoutMs: 60_000 })
  const loadSeconds = (performance.now() - (await loading)) / 1000
  await cold.whenReady()

  const at = (what: string) => `chain.${what}.${clients}`
  const milliseconds = (what: string, values: number[], [p50, p99]: readonly [number, number]) => [
    measurement({ name: at(`${what}.p50`), value: quantile(values, 0.5), unit: 'ms', target: p50 }),
    measurement({ name: at(`${what}.p99`), value: quantile(values, 0.99), unit: 'ms', target: p99 }),
  ]
  const megabytes = (what: keyof typeof growth, limit: number | null) =>
    measurement({
      name: at(`${what}-rss`),
      value: residentMegabytes(processes[what].pid!),
      unit: 'MB',
      target: limit,
    })
  const resident = [megabytes('operator', target.operator), megabytes('agent', target.agent), megabytes('server', null)]
  const full = await ownOf(processes)
  const grown = (Object.keys(full) as (keyof typeof full)[]).flatMap((what) => [
    measurement({
      name: at(`${what}-own-growth`),
      value: full[what].held - empty[what].held,
      unit: 'MB more of its own after a collection',
      target: clients === 10_000 ? growth[what] : null,
    }),
    measurement({
      name: at(`${what}-own-growth-with-garbage`),
      value: full[what].seen - empty[what].seen,
      unit: 'MB more of its own',
      target: null,
    }),
  ])
  return [
    ...milliseconds('event-to-shard', times.shard, target.shard),
    ...milliseconds('swap-to-ack', times.ack, target.ack),
    ...milliseconds('event-to-ready', times.ready, [500, 1_000]),
    measurement({
      name: at('api-writes-per-change'),
      value: Math.max(...writes),
      unit: 'writes',
      target: 4 + replicas,
    }),
    measurement({ name: at('first-load'), value: loaded.seconds, unit: 's', target: target.firstLoad }),
    measurement({ name: at('first-load-cpu'), value: loaded.cpuMs, unit: 'ms of the operator a client', target: null }),
    measurement({ name: at('first-load-stand-in-cpu'), value: loaded.standInMs, unit: 'ms a client', target: null }),
    measurement({ name: at('first-load-calls'), value: loaded.calls, unit: 'calls of the API a client', target: null }),
    measurement({ name: at('full-load'), value: loadSeconds, unit: 's', target: target.load }),
    ...resident,
    ...grown,
  ]
}

/** Puts all clients there at once, and waits until each is Ready. The stand-in runs in this process, on the same cores. */
async function loadFirst({ api, operator }: Stack, named: readonly At[], say: (text: string) => void) {
  const { schema } = api.resource('oidcclients')
  const used = () => ({ operator: cpuSeconds(operator.pid!), standIn: cpuSeconds(process.pid) })
  const before = used()
  const firstRequest = api.requests.length
  const startedAt = performance.now()
  // with its defaults, as an API server stores it; else the first status makes another generation of it
  for (const each of named) api.set(applyDefaults(clientObject(each), schema) as KubeObject)
  await untilAllReady(api, named, say)
  const seconds = (performance.now() - startedAt) / 1000
  const after = used()
  const calls = api.requests.slice(firstRequest).filter(isOfWork).length
  const each = (value: number) => value / named.length
  return {
    seconds,
    cpuMs: each((after.operator - before.operator) * 1000),
    standInMs: each((after.standIn - before.standIn) * 1000),
    calls: each(calls),
  }
}

/** One listener for all of them: to wait for each in turn would cost the stand-in a look at every change. */
function untilAllReady(api: KubeApi, named: readonly At[], say: (text: string) => void): Promise<void> {
  const waiting = new Set(named.map(keyOf))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const overdue = setTimeout(() => reject(new Error(`${waiting.size} clients are not Ready`)), 900_000)
  const stop = api.store.onChange(({ resource, object }) => {
    if (resource.plural !== 'oidcclients' || !isReady(object)) return
    const { namespace, name } = object.metadata
    if (!waiting.delete(keyOf({ namespace: namespace!, name }))) return
    const ready = named.length - waiting.size
    if (ready % 1_000 === 0) say(`${ready} clients are Ready`)
    if (waiting.size === 0) resolve()
  })
  return promise.finally(() => {
    clearTimeout(overdue)
    stop()
  })
}

/** Events of the first load are still being written when the last client is Ready. The operator never ends to read Secrets. */
async function untilIdle(api: KubeApi): Promise<void> {
  const countWrites = () => api.requests.filter(isWrite).length
  for (let seen = -1; seen !== countWrites();) {
    seen = countWrites()
    await untilQuiet(performance.now() + shardTimes.spacingMs)
  }
}

const untilQuiet = (at: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())))

interface At {
  readonly namespace: string
  readonly name: string
}

const keyOf = ({ namespace, name }: At): string => `${namespace}/${name}`

const clientObject = (at: At) => ({
  apiVersion: 'auth.nauthera.io/v1alpha1',
  kind: 'OIDCClient',
  metadata: { ...at, generation: 1 },
  spec: { serverName: 'default', type: 'M2M', displayName: at.name, audiences: ['https://api.example.com'] },
})

/** Of the operator, for clients: its Lease is not counted. */
const isWrite = (request: RecordedRequest): boolean => isOfWork(request) && request.method !== 'GET'

const isOfWork = ({ resource, user }: RecordedRequest): boolean => user === 'operator' && resource?.plural !== 'leases'
