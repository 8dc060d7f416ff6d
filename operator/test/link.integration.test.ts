import { expect } from 'chai'
import { linkSecretName } from '@nauthera/proto/names'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace, release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { TestReplica } from '@nauthera/harness/operator/replica'

describe('the link to the replicas', () => {
  let cluster: Cluster
  let replicas: TestReplica[]
  let operator: TestOperator
  const name = linkSecretName(release)
  const isReady = () => {
    const client = cluster.client('reports')
    const ready = client?.status?.conditions?.find(({ type }) => type === 'Ready')
    return ready?.status === 'True' && ready.observedGeneration === client?.metadata.generation
  }

  beforeEach(async () => {
    cluster = await startCluster()
    replicas = await Promise.all(['a', 'b'].map((each) => cluster.startReplica(`server-${each}`)))
    await cluster.apply('reports', machine)
    operator = cluster.startOperator()
    await operator.leading
    await cluster.until(isReady, 'reports is Ready')
    operator.clock.leap(1_500)
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  it('F17 is made again when it was deleted and a pod was replaced: clients become Ready, and a revocation reaches every replica', async () => {
    cluster.api.store.remove(cluster.api.resource('secrets'), releaseNamespace, name)
    await replicas[0]!.remove()
    // its agent mounts no certificates: nobody can reach it
    replicas[0] = await cluster.startReplica('server-c')
    const old = cluster.plain('reports')!
    await cluster.apply('reports', { ...machine, rotation: { trigger: '1', revokePrevious: '1' } })
    await operator.pass(61_000)
    await cluster.until(() => cluster.secret(name, releaseNamespace) !== undefined, 'the link is there again')
    await operator.pass(31_000)
    await cluster.until(() => cluster.plain('reports') !== old, 'the new secret is published')
    await cluster.until(isReady, 'reports is Ready')
    const reports = `${appsNamespace}/reports`
    await cluster.until(() => replicas.every((replica) => !replica.accepts(reports, old)), 'the old one is refused')
    for (const replica of replicas) expect(replica.accepts(reports, cluster.plain('reports')!)).to.equal(true)
  })
})
