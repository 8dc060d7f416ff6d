import { expect } from 'chai'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'

describe('OIDCPolicy objects', function () {
  this.timeout(60_000)
  let cluster: Cluster
  beforeEach(async () => {
    cluster = await startCluster()
    await cluster.startReplica('server-a')
    await cluster.startOperator({ settings: { watch: { mode: 'cluster' } } }).leading
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  const put = (spec: object) =>
    cluster.api.put({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCPolicy',
      metadata: { name: 'no-machines' },
      spec,
    })
  const is = (name: string, type: string, status: string) =>
    cluster.until(() => cluster.condition(name, type)?.status === status, `${name} has ${type}=${status}`)

  it('hold for present and new clients, and no longer once the policies are deleted', async () => {
    await cluster.apply('reports', machine)
    await is('reports', 'Ready', 'True')
    put({ enforcement: 'Deny', grace: '1h', allow: { types: ['Web'] } })
    await is('reports', 'PolicyCompliant', 'False')
    expect(cluster.condition('reports', 'PolicyCompliant')?.message).to.include('no-machines')
    expect(cluster.stored('reports'), 'it serves on for the grace').to.not.equal(undefined)
    await cluster.apply('late', machine)
    await is('late', 'PolicyCompliant', 'False')
    expect(cluster.stored('late')).to.equal(undefined)

    const { api } = cluster
    api.store.remove(api.resource('oidcpolicies'), undefined, 'no-machines')
    await is('reports', 'PolicyCompliant', 'True')
    await is('reports', 'Ready', 'True')
    await is('late', 'Ready', 'True')
  })
})
