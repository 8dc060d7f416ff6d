import { expect } from 'chai'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { accountsSinceOf } from '../src/decide/access/accounts-since.ts'
import { appsNamespace } from '@nauthera/harness/operator/cluster-view'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import { readBackup, removeNamespaces, restoreBackup } from '@nauthera/stand-in/backup'

// One tenant takes the name of another, and gets nothing of what that name is let in to.

const invoices = 'https://invoices.example.com'
const scopes = ['invoices:read', 'invoices:write']
const victim = 'shop.checkout'
const evil = 'evil'

describe('an object that wants the client id of another tenant', () => {
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

describe('a namespace that is made again under the name of another', () => {
  let cluster: Cluster

  beforeEach(async () => {
    cluster = await startCluster({ namespaces: ['shop'] })
    // older than the one that is made in the test
    const aged = cluster.api.store.dump().map(({ resource, object }) => ({
      resource,
      object: { ...object, metadata: { ...object.metadata, creationTimestamp: longAgo } },
    }))
    cluster.api.store.restore(aged, [cluster.api.resource('namespaces')])
    await cluster.startReplica('server-a')
    await cluster.startOperator().leading
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  const longAgo = '2026-01-01T00:00:00Z'
  const federated = {
    type: 'M2M',
    auth: { method: 'federated_jwt', identities: [{ serviceAccount: { name: 'worker' } }] },
  }
  const since = () => {
    const entry = cluster.stored('worker', 'shop')
    return entry && accountsSinceOf(entry)
  }

  it('T30 gives its clients the time from which on a token of a ServiceAccount proves something', async () => {
    await cluster.apply('worker', federated, { namespace: 'shop' })
    await cluster.until(since, 'it is stored')
    expect(since()).to.deep.equal({ shop: Date.parse(longAgo) })
    const backup = readBackup(cluster.api, ['shop'])
    removeNamespaces(cluster.api, ['shop'])
    await cluster.until(() => since() === undefined, 'it is gone')
    restoreBackup(cluster.api, backup)
    await cluster.until(since, 'it is stored')
    const { creationTimestamp } = cluster.api.store.find(
      cluster.api.resource('namespaces'),
      undefined,
      'shop',
    )!.metadata
    expect(creationTimestamp).not.to.equal(longAgo)
    expect(since()).to.deep.equal({ shop: Date.parse(creationTimestamp!) })
  })
})
