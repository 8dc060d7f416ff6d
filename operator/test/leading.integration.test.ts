import { expect } from 'chai'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'

describe('an operator that holds the Lease', () => {
  let cluster: Cluster

  beforeEach(async () => {
    cluster = await startCluster()
  })
  afterEach(() => cluster.stop())

  it('says that it leads only once it may list its clients', async () => {
    let refused = 0
    const allow = cluster.api.faults.add({
      when: ({ verb, resource }) => resource?.plural === 'oidcclients' && verb === 'list' && ++refused > 0,
      effect: { kind: 'refuse', code: 403 },
    })
    const operator = cluster.startOperator()
    await cluster.until(() => refused > 0, 'it may not list')
    expect(
      cluster.writes(0).some((write) => write.includes('leases')),
      'it has the Lease',
    ).to.equal(true)
    expect(await operator.saysLeading()).to.equal(false)
    allow()
    await operator.pass(12_000)
    await operator.leading
    expect(await operator.saysLeading()).to.equal(true)
  })
})
