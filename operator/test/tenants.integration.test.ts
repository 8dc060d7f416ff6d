import { expect } from 'chai'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace } from '@nauthera/harness/operator/cluster-view'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'

// One tenant takes the name of another, and gets nothing of what that name is let in to.

const invoices = 'https://invoices.example.com'
const scopes = ['invoices:read', 'invoices:write']
const victim = 'shop.checkout'
const evil = 'evil'

describe('an object that wants the client id of another tenant', function () {
  this.timeout(60_000)
  let cluster: Cluster
  let operator: TestOperator

  const apply = (name: string, spec: object, namespace: string, annotations?: Record<string, string>) =>
    cluster.apply(
      name,
      { type: 'M2M', audiences: [invoices], scopes, ...spec },
      { namespace, ...(annotations ? { annotations } : {}) },
    )
  const untilReady = (name: string, namespace: string) =>
    cluster.until(() => cluster.condition(name, 'SecretReady', namespace)?.status === 'True', `${name} has a Secret`)
  const untilRefused = (name: string) =>
    cluster.until(() => cluster.condition(name, 'Accepted', evil)?.status === 'False', `${name} is refused`)
  const grantedTo = (name: string) => cluster.stored(name, evil)?.granted?.apis.flatMap((one) => one.scopes) ?? []

  beforeEach(async () => {
    cluster = await startCluster({ namespaces: ['shop', evil] })
    await cluster.startReplica('server-a')
    operator = cluster.startOperator({
      settings: { policy: { allow: { resourceServer: true, audiences: undefined } } },
    })
    await operator.leading
    await cluster.apply('invoices', {
      type: 'M2M',
      resourceServer: {
        identifier: invoices,
        scopes: scopes.map((name) => ({ name })),
        access: [{ clientIds: [victim] }],
      },
    })
    await apply('checkout', {}, 'shop')
    await untilReady('checkout', 'shop')
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  it('K18 is refused, and gets no access by the name when its Secret was orphaned', async () => {
    await apply('thief', {}, evil)
    await untilReady('thief', evil)
    expect(grantedTo('thief')).to.deep.equal([])
    // it is of a deleted client: no server has to take it
    cluster.planted.add(cluster.plain('thief', evil)!)
    await cluster.remove('thief', evil, 'Orphan')
    await apply('thief', { clientId: victim }, evil)
    await untilRefused('thief')
    const { uid } = cluster.client('thief', evil)!.metadata
    operator.clock.leap(2_000)
    await cluster.until(() => {
      const entry = cluster.stored('thief', evil)
      return entry === undefined || entry.uid === uid
    }, 'the shard is written')
    expect(grantedTo('thief'), 'access by the name that it wants').to.deep.equal([])
    expect(cluster.client('thief', evil)?.status?.clientId).not.to.equal(victim)
    expect(cluster.stored('invoices', appsNamespace)).not.to.equal(undefined)
  })
})
