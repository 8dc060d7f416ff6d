import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { shardOf } from '@nauthera/proto/shard-of'
import { startCluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { quantile } from '../report.ts'
import { watchStretch } from '@nauthera/local/processes/stretch'
import { cpuSeconds } from '../bench/cost/process-cost.ts'
import { startOperatorProcess } from './support/operator-process.ts'
import type { OperatorProcess } from './support/operator-process.ts'
import { tell } from './support/tell.ts'

/** How long the giants are edited, and the neighbours alone before that. Seconds. */
const [crowdSeconds, quietSeconds] = [60, 15]
const giantCount = 40
const neighbour = { type: 'M2M' }
const redirectURIs = ['https://app.example.com/callback']
/** Does not compress. */
const noise = randomBytes(300_000).toString('base64url')

/** Names of clients in a namespace that all are in one shard. */
const namesIn = (namespace: string, shard: number, count: number): string[] => {
  const names: string[] = []
  for (let index = 0; names.length < count; index++) {
    if (shardOf(namespace, `client-${index}`) === shard) names.push(`client-${index}`)
  }
  return names
}

describe('a crowd', function () {
  this.timeout(240_000)
  let cluster: Cluster
  let operator: OperatorProcess

  beforeEach(async () => {
    cluster = await startCluster()
  })
  afterEach(async () => {
    await operator.end()
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  /** Puts a client in or over, as it is stored: what an API server with an older CRD has let in. */
  const put = (namespace: string, name: string, spec: object) => {
    const live = cluster.api.store.find(cluster.api.resource('oidcclients'), namespace, name)
    const generation = (live?.metadata.generation ?? 0) + 1
    cluster.api.set({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      ...live,
      metadata: { ...live?.metadata, namespace, name, generation },
      spec: { serverName: 'default', ...spec },
    })
  }
  const conditionOf = (namespace: string, name: string, type: string) => {
    const live = cluster.api.store.find(cluster.api.resource('oidcclients'), namespace, name) as unknown as
      | { metadata: { generation: number }; status?: { observedGeneration?: number; conditions?: Condition[] } }
      | undefined
    const { observedGeneration, conditions } = live?.status ?? {}
    if (observedGeneration !== live?.metadata.generation) return undefined
    return conditions?.find((one) => one.type === type)
  }
  interface Condition {
    type: string
    status: string
    reason: string
  }

  /** Edits the neighbours one after the other, each as soon as the one before is Ready. @returns milliseconds of each to Ready */
  const editNeighbours = async (names: readonly string[], untilMs: number): Promise<number[]> => {
    const times: number[] = []
    for (let round = 0; performance.now() < untilMs; round++) {
      const name = names[round % names.length]!
      const startedAt = performance.now()
      put(appsNamespace, name, { ...neighbour, description: `round ${round}` })
      const isReady = () => conditionOf(appsNamespace, name, 'Ready')?.status === 'True'
      await cluster.until(isReady, `${name} is Ready`, 60_000)
      times.push(performance.now() - startedAt)
    }
    return times
  }

  /** Half are too large for any client; of the others, the five oldest fill what a namespace may have of their shard. */
  const editGiants = async (names: readonly string[], untilMs: number): Promise<void> => {
    const text = (length: number) => {
      const start = Math.floor(Math.random() * (noise.length - length))
      return noise.slice(start, start + length)
    }
    const uris = () => Array.from({ length: 8 }, () => `https://app.example.com/${text(1_900)}`)
    const groups = () => Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`group-${index}`, [text(250)]]))
    const claims = () => Array.from({ length: 20 }, (_, index) => ({ name: `claim_${index}`, fromGroups: groups() }))
    const startedAt = performance.now()
    for (let round = 0; performance.now() < untilMs; round++) {
      for (const [index, name] of names.entries()) {
        const spec =
          index % 2 === 0 ? { type: 'Web', redirectURIs, claims: claims() } : { type: 'Web', redirectURIs: uris() }
        put('giants', name, spec)
        // spread over the half second, as forty hands would
        await delay(Math.max(0, startedAt + (round + (index + 1) / giantCount) * 500 - performance.now()))
      }
    }
  }

  it('K19 40 giants of one namespace, edited twice a second for a minute, delay no neighbour', async () => {
    const shard = shardOf(appsNamespace, 'client-0')
    const neighbours = namesIn(appsNamespace, shard, 10)
    const giants = namesIn('giants', shard, giantCount)
    cluster.api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'giants' } })
    await cluster.startReplica('server-a')
    for (const name of neighbours) put(appsNamespace, name, neighbour)
    operator = await startOperatorProcess(cluster, 'operator-0')
    const areReady = () => neighbours.every((name) => conditionOf(appsNamespace, name, 'Ready')?.status === 'True')
    await cluster.until(areReady, 'all neighbours are Ready', 60_000)

    /** @returns what a stretch of time cost the operator and its neighbours */
    const measure = async (seconds: number, beside: (untilMs: number) => Promise<void>) => {
      // a scrape begins the next period of the lag
      await operator.metric('nodejs_eventloop_lag_p99_seconds')
      const cpu = cpuSeconds(operator.pid!)
      const stretch = watchStretch(operator.pid!)
      // the API and the replica are in this process: what it waits for the processor, each of their answers is late
      const own = monitorEventLoopDelay({ resolution: 10 })
      own.enable()
      const untilMs = performance.now() + seconds * 1_000
      const [readyMs] = await Promise.all([editNeighbours(neighbours, untilMs), beside(untilMs)])
      own.disable()
      const lagMs = (await operator.metric('nodejs_eventloop_lag_p99_seconds')) * 1_000
      const cpuMs = ((cpuSeconds(operator.pid!) - cpu) / seconds) * 1_000
      const [readyP50Ms, readyP99Ms] = [quantile(readyMs, 0.5), quantile(readyMs, 0.99)]
      const ownLagMs = own.percentile(99) / 1e6
      return {
        lagMs,
        readyP50Ms,
        readyP99Ms,
        edits: readyMs.length,
        cpuMsPerSecond: cpuMs,
        ownLagMs,
        stretch: stretch(),
      }
    }
    const alone = await measure(quietSeconds, () => Promise.resolve())
    tell('K19 alone', alone)
    const from = cluster.api.requests.length
    const crowded = await measure(crowdSeconds, (untilMs) => editGiants(giants, untilMs))
    tell(`K19 beside ${giantCount} giants`, crowded)

    // The goals are 100 ms and 2 s on a machine of its own. They give way by what the operator waited for a processor,
    // and by as much as this process itself was late: one Ready takes ten answers of it.
    expect(crowded.lagMs, 'lag').to.be.below((100 + crowded.ownLagMs) * crowded.stretch)
    expect(crowded.readyP99Ms, 'Ready').to.be.below((2_000 + 10 * crowded.ownLagMs) * crowded.stretch)
    expect(operator.restarts).to.equal(0)
    expect(operator.lines.filter((line) => /lease lost/.test(line))).to.deep.equal([])
    const renewals = cluster.api.requests
      .slice(from)
      .filter((one) => one.verb === 'update' && one.resource?.plural === 'leases')
    expect(renewals.length, 'the Lease is renewed each 2 s').to.be.above(crowdSeconds / 4)

    await cluster.until(
      () => giants.every((name) => conditionOf('giants', name, 'Accepted') !== undefined),
      'every giant has been told',
      60_000,
    )
    const told = giants.map((name) => conditionOf('giants', name, 'Accepted')?.reason)
    expect(told.filter((reason) => reason === 'TooLarge').length).to.be.within(giantCount - 8, giantCount - 4)
  })
})
