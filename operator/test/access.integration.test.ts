import { expect } from 'chai'
import { shardOf } from '@nauthera/proto/shard-of'
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { appsNamespace } from '@nauthera/harness/operator/cluster-view'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'

// Tenants: the API is in the namespace apps, its callers are there and in others.

const billing = 'https://billing.example.com'
const scopes = ['invoices:read', 'invoices:write']
const other = 'team-b'

describe('access to APIs', function () {
  let cluster: Cluster
  let operator: TestOperator
  /** No policy lists audiences unless the test says so: the harness would allow every one. */
  const start = async (
    policy: { readonly allow?: object; readonly [field: string]: unknown },
    settings: object = {},
  ) => {
    const baseline = { ...policy, allow: { audiences: undefined, ...policy.allow } }
    operator = cluster.startOperator({ settings: { policy: baseline, ...settings } })
    await operator.leading
  }
  beforeEach(async () => {
    cluster = await startCluster()
    putNamespace(other)
    await cluster.startReplica('server-a')
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  const putNamespace = (name: string, labels: Record<string, string> = {}) =>
    cluster.api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  const api = (access?: object[], more: object = {}) =>
    cluster.apply('billing', {
      type: 'M2M',
      resourceServer: { identifier: billing, scopes: scopes.map((name) => ({ name })), ...(access ? { access } : {}) },
      ...more,
    })
  const caller = (spec: object = {}, namespace = other, name = 'worker') =>
    cluster.apply(name, { type: 'M2M', audiences: [billing], ...spec }, { namespace })
  const is = async (type: string, reason: string, namespace = other, name = 'worker') => {
    await cluster.until(
      () => cluster.condition(name, type, namespace)?.reason === reason,
      `${namespace}/${name} has ${type} with ${reason}`,
    )
    return cluster.condition(name, type, namespace)!
  }
  const granted = (namespace = other, name = 'worker') =>
    cluster.stored(name, namespace)?.granted?.apis.map((one) => [one.identifier, [...one.scopes]])
  const untilGranted = (expected: readonly unknown[], namespace = other, name = 'worker') =>
    cluster.until(
      () => JSON.stringify(granted(namespace, name)) === JSON.stringify(expected),
      `${namespace}/${name} is granted ${JSON.stringify(expected)}`,
    )
  const events = (name: string) =>
    (
      cluster.api.store.all(cluster.api.resource('events'), other) as unknown as {
        reason: string
        involvedObject?: { name: string }
        regarding?: { name: string }
      }[]
    )
      .filter((event) => (event.regarding ?? event.involvedObject)?.name === name)
      .map(({ reason }) => reason)

  it('K18 with no policy a client of another tenant has no access to an API, whatever it lists', async () => {
    await start({ allow: { resourceServer: true } })
    await api()
    await caller({ scopes })
    const condition = await is('AudiencesGranted', 'NotGranted')
    expect(condition.status).to.equal('False')
    expect(condition.message).to.equal(
      `spec.audiences: ${billing} does not let this client in; OIDCClient apps/billing needs an entry in spec.resourceServer.access for its namespace or client id`,
    )
    await is('Ready', 'NotGranted')
    expect(granted()).to.deep.equal([])
    await cluster.until(() => events('worker').includes('NotGranted'), 'an event')
  })

  it('K18 with no policy nobody has access to an audience that no object declares', async () => {
    await start({})
    await caller({ scopes: ['anything'] })
    expect((await is('AudiencesGranted', 'NotGranted')).message).to.include('is declared by no OIDCClient')
    expect(granted()).to.deep.equal([])
  })

  it('K18 under a policy that allows openid and profile alone, a client that lists only the audience gets no scope of it', async () => {
    await start({ allow: { resourceServer: true, scopes: ['openid', 'profile'] } })
    await api([{ namespaces: ['*'] }])
    await caller()
    await untilGranted([[billing, []]])
    expect((await is('AudiencesGranted', 'Granted')).message).to.equal(
      `${billing} (no scope: spec.scopes of this client has none of the API)`,
    )
    await is('Ready', 'Ready')
    // and one that lists them breaks the policy
    await caller({ scopes }, other, 'greedy')
    await is('PolicyCompliant', 'PolicyViolation', other, 'greedy')
    expect(cluster.stored('greedy', other)).to.equal(undefined)
  })

  it('is what the owner of the API writes, and follows it', async () => {
    await start({ allow: { resourceServer: true } })
    await api([{ namespaces: [other], scopes: ['invoices:read'] }])
    await caller({ scopes: ['invoices:read'] })
    await untilGranted([[billing, ['invoices:read']]])
    await is('Ready', 'Ready')
    expect(cluster.client('worker', other)?.status?.effective?.apis).to.deep.equal([
      { identifier: billing, scopes: ['invoices:read'] },
    ])
    operator.clock.leap(1_500)
    await api([{ clientIds: [`${appsNamespace}.else`] }])
    await untilGranted([])
    await is('Ready', 'NotGranted')
    operator.clock.leap(1_500)
    await api([{ clientIds: [`${other}.worker`] }])
    await untilGranted([[billing, ['invoices:read']]])
    await is('Ready', 'Ready')
    await cluster.until(() => events('worker').includes('AudiencesGranted'), 'an event')
  })

  it('names the scope that the owner withholds', async () => {
    await start({ allow: { resourceServer: true } })
    await api([{ namespaces: [other], scopes: ['invoices:read'] }])
    await caller({ scopes })
    expect((await is('AudiencesGranted', 'NotGranted')).message).to.equal(
      'spec.scopes: invoices:write is not given to this client; OIDCClient apps/billing needs it in an entry of spec.resourceServer.access for this client',
    )
    expect(granted()).to.deep.equal([[billing, ['invoices:read']]])
  })

  it('ends while the API is suspended, refused or gone, and comes back with it', async () => {
    await start({ allow: { resourceServer: true } })
    await api([{ namespaces: ['*'] }])
    await caller({ scopes })
    await untilGranted([[billing, scopes]])
    for (const [change, words] of [
      [() => api([{ namespaces: ['*'] }], { suspended: true }), 'while OIDCClient apps/billing is suspended'],
      [() => cluster.remove('billing'), 'is declared by no OIDCClient'],
    ] as const) {
      operator.clock.leap(1_500)
      await change()
      await untilGranted([])
      await cluster.until(
        () => cluster.condition('worker', 'AudiencesGranted', other)?.message.includes(words),
        `the condition says: ${words}`,
      )
      operator.clock.leap(1_500)
      await api([{ namespaces: ['*'] }])
      await untilGranted([[billing, scopes]])
      await is('Ready', 'Ready')
    }
  })

  it('follows the labels of the namespace of the caller', async () => {
    await start({ allow: { resourceServer: true } })
    await api([{ namespaceSelector: { matchLabels: { tier: 'gold' } } }])
    await caller({ scopes })
    await is('Ready', 'NotGranted')
    operator.clock.leap(1_500)
    putNamespace(other, { tier: 'gold' })
    await untilGranted([[billing, scopes]])
    operator.clock.leap(1_500)
    putNamespace(other)
    await untilGranted([])
  })

  it('cannot be given by labels where the operator does not see them', async () => {
    await start(
      { allow: { resourceServer: true } },
      { watch: { mode: 'namespaces', namespaces: [appsNamespace, other] } },
    )
    await api([{ namespaceSelector: {} }])
    const condition = await is('Accepted', 'InvalidSpec', appsNamespace, 'billing')
    expect(condition.message).to.include('spec.resourceServer.access[0].namespaceSelector')
    expect(condition.message).to.include('operator.watch.mode cluster')
    await caller({ scopes })
    await is('Ready', 'NotGranted')
  })

  it('is withdrawn also from a client that its last accepted version serves', async () => {
    await start({ allow: { resourceServer: true } })
    await api([{ namespaces: ['*'] }])
    await caller({ scopes })
    await is('Ready', 'Ready')
    // an operator with another baseline refuses its present version: the earlier one serves on for the grace
    await operator.stop()
    await start({ allow: { resourceServer: true }, require: { dpop: true }, enforcement: 'Deny' })
    await is('PolicyCompliant', 'PolicyViolation')
    await is('PolicyCompliant', 'PolicyViolation', appsNamespace, 'billing')
    expect(granted(), 'in its grace an API lets in as before').to.deep.equal([[billing, scopes]])
    operator.clock.leap(1_500)
    await api([{ clientIds: [`${appsNamespace}.else`] }])
    await untilGranted([])
    expect(cluster.stored('worker', other)?.accepted, 'it is still served').to.not.equal(undefined)
  })

  it('is written for the callers for whom it changes, and for no other', async () => {
    await start({ allow: { resourceServer: true } })
    await api([{ namespaces: ['*'], scopes: ['invoices:read'] }])
    const namespaces = [other, appsNamespace]
    for (const namespace of namespaces) await caller({ scopes: ['invoices:read'] }, namespace)
    for (const namespace of namespaces) await is('Ready', 'Ready', namespace)
    await caller({ scopes }, other, 'writer')
    await is('Ready', 'NotGranted', other, 'writer')
    operator.clock.leap(6_000)
    const from = cluster.api.requests.length
    await api([{ namespaces: ['*'], scopes: ['invoices:read'] }, { clientIds: [`${other}.writer`] }])
    await is('Ready', 'Ready', other, 'writer')
    const written = cluster.writes(from)
    const shardOfWriter = `patch secrets nauthera-clients-${String(shardOf(other, 'writer')).padStart(2, '0')}`
    expect(written.filter((write) => /nauthera-clients-\d\d$/.test(write))).to.deep.equal([shardOfWriter])
    expect(written.filter((write) => write.includes('oidcclients worker'))).to.deep.equal([])
  })

  it('stays as it is stored when the operator starts again', async () => {
    await start({ allow: { resourceServer: true } })
    await api([{ namespaces: ['*'] }])
    await caller({ scopes })
    await is('Ready', 'Ready')
    await operator.stop()
    const from = cluster.api.requests.length
    await start({ allow: { resourceServer: true } })
    await cluster.until(() => operator.log.told('started').length === 1, 'the operator works')
    operator.clock.leap(6_000)
    await cluster.until(() => cluster.writes(from).some((write) => write.includes('leases')), 'time has passed')
    expect(cluster.writes(from).filter((write) => /nauthera-clients-\d\d$/.test(write))).to.deep.equal([])
    expect(granted()).to.deep.equal([[billing, scopes]])
  })
})
