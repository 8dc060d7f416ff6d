import { expect } from 'chai'
import { manifestSecretName, shardCount, shardFile, shardSecretName } from '@nauthera/proto/names'
import { decodeShardFile } from '@nauthera/proto/shard-file'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace, release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'

const reports = `${appsNamespace}/reports`

/** What the operator does for one client, step by step, until nothing is left to do. */
interface Flow {
  readonly name: string
  /** More writes than any flow has; a row with a higher number than its flow has writes passes without a crash. */
  readonly atMost: number
  act(cluster: Cluster): Promise<void>
  isDone(cluster: Cluster, before: string | undefined): boolean
  /** What the published secret may be after all. */
  check(cluster: Cluster, before: string | undefined, replicas: readonly TestReplica[]): void
}

const isReady = (cluster: Cluster) => {
  const client = cluster.client('reports')
  const ready = cluster.condition('reports', 'Ready')
  return ready?.status === 'True' && client?.status?.observedGeneration === client?.metadata.generation
}

const flows: Flow[] = [
  {
    name: 'creates a client',
    atMost: 12,
    act: async (cluster) => {
      await cluster.remove('reports')
      await cluster.apply('reports', machine)
    },
    isDone: (cluster, before) => isReady(cluster) && cluster.plain('reports') !== before,
    check: (cluster, before, replicas) => {
      expect(cluster.plain('reports')).to.match(/^[A-Za-z0-9_-]{43}$/)
      expect(replicas.some((replica) => replica.accepts(reports, before!))).to.equal(false)
    },
  },
  {
    name: 'changes a client',
    atMost: 10,
    act: async (cluster) => void (await cluster.apply('reports', { ...machine, description: 'edited' })),
    isDone: (cluster) => isReady(cluster) && cluster.stored('reports')?.desired?.description === 'edited',
    check: (cluster, before) => expect(cluster.plain('reports')).to.equal(before),
  },
  {
    name: 'rotates a secret',
    atMost: 14,
    act: async (cluster) =>
      void (await cluster.apply('reports', { ...machine, rotation: { trigger: '1', overlap: '1h' } })),
    isDone: (cluster, before) =>
      isReady(cluster) &&
      cluster.plain('reports') !== before &&
      cluster.client('reports')?.status?.secret?.previous?.length === 1,
    check: (cluster, before, replicas) => {
      expect(replicas.every((replica) => replica.accepts(reports, before!))).to.equal(true)
      expect(cluster.stored('reports')?.verifiers.length).to.equal(2)
    },
  },
  {
    name: 'deletes a client',
    atMost: 6,
    act: async (cluster) => await cluster.remove('reports'),
    isDone: (cluster) => cluster.stored('reports') === undefined,
    check: (cluster, before, replicas) => {
      expect(cluster.secret('reports-oidc')).to.equal(undefined)
      expect(replicas.some((replica) => replica.accepts(reports, before!))).to.equal(false)
    },
  },
]

describe('F11 an operator that dies at its nth write', function () {
  this.timeout(60_000)
  let cluster: Cluster
  let replicas: TestReplica[]
  let operator: TestOperator

  beforeEach(async () => {
    cluster = await startCluster()
    replicas = await Promise.all(['a', 'b'].map((name) => cluster.startReplica(`server-${name}`)))
    await cluster.apply('reports', machine)
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(() => isReady(cluster), 'reports is Ready')
    operator.clock.leap(1_500)
    await cluster.until(() => cluster.isWhole(), 'the manifest names every shard as it is stored')
    operator.clock.leap(1_500)
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  /** @returns whether it died at all */
  const dieAndRecover = async (flow: Flow, nth: number, when: 'before' | 'after'): Promise<boolean> => {
    const before = cluster.plain('reports')
    let died = false
    const death = operator.dieAtWrite(nth, when).then(() => {
      died = true
    })
    await flow.act(cluster)
    await cluster.until(() => died || flow.isDone(cluster, before), 'it dies, or is done')
    if (!died) {
      // The last writes come after the state that people see; one that never comes is not waited for.
      operator.clock.leap(5_000)
      await Promise.race([death, new Promise((resolve) => setTimeout(resolve, 300))])
    }
    await operator.kill()
    cluster.api.store.remove(cluster.api.resource('leases'), releaseNamespace, 'nauthera-operator')
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(() => flow.isDone(cluster, before), 'the next one brings it to its end')
    const published = cluster.plain('reports')
    operator.clock.leap(5_000)
    await cluster.until(() => replicas.every((replica) => isCurrent(replica)), 'every replica is current')
    expect(cluster.plain('reports')).to.equal(published)
    flow.check(cluster, before, replicas)
    const secrets = cluster.api.store.all(cluster.api.resource('secrets'), appsNamespace)
    expect(secrets.map(({ metadata }) => metadata.name)).to.deep.equal(published === undefined ? [] : ['reports-oidc'])
    return died
  }
  const isCurrent = (replica: TestReplica): boolean =>
    Array.from({ length: shardCount }, (_, index) => index).every((index) => {
      const data = cluster.secret(shardSecretName(release, index), releaseNamespace)!.data[shardFile(index)]!
      return replica.seq(index) === Number(decodeShardFile(Buffer.from(data, 'base64')).shard.seq)
    }) && cluster.secret(manifestSecretName(release), releaseNamespace) !== undefined

  for (const flow of flows) {
    for (const when of ['before', 'after'] as const) {
      for (let nth = 1; nth <= flow.atMost; nth++) {
        it(`${flow.name}: converges after write ${nth} was ${when === 'before' ? 'not sent' : 'done, but its answer was lost'}`, async function () {
          const died = await dieAndRecover(flow, nth, when)
          // Past the flow's last write there is nothing to die at: the row holds without it.
          if (!died && nth === 1) throw new Error('the flow has no write at all')
        })
      }
    }
  }
})
