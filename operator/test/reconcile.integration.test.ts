import { expect } from 'chai'
import { machine, startCluster } from './support/cluster.ts'
import type { Cluster } from './support/cluster.ts'

describe('operator', function () {
  this.timeout(20_000)
  let cluster: Cluster
  beforeEach(async () => {
    cluster = await startCluster()
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  it('makes an applied client live on every replica, and only then writes its Secret', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => cluster.startReplica(name)))
    const operator = cluster.startOperator()
    await operator.leading
    await cluster.apply('reports', machine)
    await cluster.until(() => cluster.condition('reports', 'Ready')?.status === 'True', 'reports is Ready')
    expect(cluster.client('reports')?.status?.replicas).to.include({ loaded: 3, total: 3 })
    expect(cluster.plain('reports')).to.match(/^[A-Za-z0-9_-]{43}$/)
  })
})
