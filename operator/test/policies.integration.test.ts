import { expect } from 'chai'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import type { OIDCPolicy } from '@nauthera/operator/api/oidc-policy'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'

describe('OIDCPolicy objects', () => {
  let cluster: Cluster
  let operator: TestOperator
  beforeEach(async () => {
    cluster = await startCluster()
    await cluster.startReplica('server-a')
    operator = cluster.startOperator({ settings: { watch: { mode: 'cluster' } } })
    await operator.leading
  })
  afterEach(async () => {
    await cluster.stop()
    expect(cluster.violations).to.deep.equal([])
  })

  const put = (spec: object) =>
    cluster.api.set({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCPolicy',
      metadata: { name: 'no-machines' },
      spec,
    })
  const stored = () =>
    cluster.api.store.find(cluster.api.resource('oidcpolicies'), undefined, 'no-machines') as OIDCPolicy | undefined
  const is = (name: string, type: string, status: string) =>
    cluster.until(() => cluster.condition(name, type)?.status === status, `${name} has ${type}=${status}`)

  it('say when the grace ends, and then that nothing serves the client', async () => {
    await cluster.apply('reports', machine)
    await is('reports', 'Ready', 'True')
    // nothing serves it in the end, and that is what is wanted here
    cluster.planted.add(cluster.plain('reports')!)
    put({ enforcement: 'Deny', grace: '1m', allow: { types: ['Web'] } })
    await is('reports', 'PolicyCompliant', 'False')
    const message = (type: string) => cluster.condition('reports', type)?.message
    expect(message('PolicyCompliant')).to.match(/is served until 20\d\d-/)
    expect(cluster.client('reports')?.status?.replicas?.summary).to.equal('1/1')
    await operator.pass(61_000)
    await is('reports', 'SecretReady', 'False')
    expect(message('SecretReady')).to.include('no server takes what Secret reports-oidc holds')
    expect(message('PolicyCompliant')).to.include('the grace is over')
    await cluster.until(() => cluster.client('reports')?.status?.replicas?.summary === '0/1', 'nobody serves it')
    const events = () =>
      cluster.api.store.all(cluster.api.resource('events'), 'apps') as unknown as { reason: string }[]
    const violations = () => events().filter(({ reason }) => reason === 'PolicyViolation')
    await cluster.until(() => violations().length === 2, 'an event at each end')
  })

  for (const when of ['before', 'after'] as const)
    it(`K14 count a client that they withdrew, though its spec can be judged no more: edited ${when} the grace is over`, async () => {
      const invalid = { ...machine, rotation: { interval: '24h', window: { schedule: '61 3 * * *', duration: '1h' } } }
      await cluster.apply('reports', machine)
      await is('reports', 'Ready', 'True')
      cluster.planted.add(cluster.plain('reports')!)
      put({ enforcement: 'Deny', grace: '1m', allow: { types: ['Web'] } })
      await is('reports', 'PolicyCompliant', 'False')
      const since = () => cluster.client('reports')?.status?.breaches
      const began = since()
      if (when === 'before') await cluster.apply('reports', invalid)
      if (when === 'before') await is('reports', 'Accepted', 'False')
      await operator.pass(61_000)
      await cluster.until(() => cluster.client('reports')?.status?.replicas?.summary === '0/1', 'nobody serves it')
      if (when === 'after') await cluster.apply('reports', invalid)
      await is('reports', 'Accepted', 'False')
      // another look, at the object as it is then
      await cluster.apply('reports', { ...invalid, displayName: 'Reports' })
      await operator.pass(61_000)
      const generation = cluster.client('reports')?.metadata.generation
      await cluster.until(() => cluster.client('reports')?.status?.observedGeneration === generation, 'it is looked at')
      expect(cluster.condition('reports', 'PolicyCompliant')).to.include({ status: 'False', reason: 'PolicyViolation' })
      expect(since(), 'the grace is one').to.deep.equal(began)
      const report = () => stored()?.status?.releases?.find(({ release }) => release === 'auth/nauthera')
      await cluster.until(() => report()?.violatingClients === 1, 'the policy counts it')
    })

  it('show what Audit finds before they deny, each release in an entry of its own', async () => {
    await cluster.apply('reports', machine)
    await is('reports', 'Ready', 'True')
    put({ enforcement: 'Audit', allow: { types: ['Web'] } })
    const { api } = cluster
    const other = {
      release: 'elsewhere/nauthera',
      matchedClients: 7,
      violatingClients: 0,
      violating: [],
      conditions: [],
    }
    api.set({ ...stored()!, status: { releases: [other] } } as never)
    const report = () => stored()?.status?.releases?.find(({ release }) => release === 'auth/nauthera')
    await is('reports', 'PolicyCompliant', 'True')
    operator.clock.leap(5_500)
    await cluster.until(() => report()?.violatingClients === 1, 'the status of the policy says so')
    expect(report()).to.deep.include({ matchedClients: 1, observedGeneration: stored()!.metadata.generation })
    expect(report()!.violating?.map(({ namespace, name }) => `${namespace}/${name}`)).to.deep.equal(['apps/reports'])
    expect(report()!.conditions?.find(({ type }) => type === 'Compliant')).to.include({
      status: 'False',
      reason: 'Audit',
    })
    expect(stored()!.status?.releases?.find(({ release }) => release === other.release)?.matchedClients).to.equal(7)
    const from = api.requests.length
    operator.clock.leap(5_500)
    await cluster.apply('other', machine)
    await is('other', 'Ready', 'True')
    operator.clock.leap(5_500)
    await cluster.until(() => report()?.violatingClients === 2, 'and what is new')
    const writes = cluster.writes(from).filter((write) => write.includes('oidcpolicies'))
    expect(writes, 'one write, and none while nothing is new').to.have.length(1)
  })

  it('are met as soon as every replica has the version that meets them', async () => {
    await cluster.apply('reports', { ...machine, tokens: { accessTTL: '10m' } })
    await is('reports', 'Ready', 'True')
    put({ enforcement: 'Deny', grace: '1h', limits: { tokens: { access: '5m' } } })
    await is('reports', 'PolicyCompliant', 'False')
    await cluster.apply('reports', { ...machine, tokens: { accessTTL: '5m' } })
    await is('reports', 'PolicyCompliant', 'True')
    await is('reports', 'Ready', 'True')
    expect(cluster.client('reports')?.status?.breaches).to.equal(undefined)
  })

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

  it('a limit of a namespace lets the oldest that it refused move up when another client goes, without an edit', async () => {
    put({ enforcement: 'Deny', limits: { clientsPerNamespace: 2 } })
    for (const name of ['a', 'b', 'c', 'd']) {
      await cluster.apply(name, machine)
      await is(name, 'PolicyCompliant', ['a', 'b'].includes(name) ? 'True' : 'False')
    }
    await is('a', 'Ready', 'True')
    cluster.planted.add(cluster.plain('a')!)
    await cluster.remove('a')
    await is('c', 'Ready', 'True')
    expect(cluster.condition('d', 'PolicyCompliant')?.status).to.equal('False')
  })

  it('a limit of a namespace lets one move up when a policy stops another, without an edit', async () => {
    const invalid = { ...machine, access: { requiredAcr: ['mfa'] } }
    await cluster.apply('first', invalid)
    await is('first', 'Accepted', 'False')
    await cluster.apply('second', { ...machine, tokens: { accessTTL: '10m' } })
    await is('second', 'Ready', 'True')
    cluster.planted.add(cluster.plain('second')!)
    put({ enforcement: 'Deny', grace: '1m', limits: { clientsPerNamespace: 1, tokens: { access: '5m' } } })
    await is('second', 'PolicyCompliant', 'False')
    await cluster.apply('first', machine)
    await is('first', 'PolicyCompliant', 'False')
    await operator.pass(61_000)
    await is('first', 'Ready', 'True')
    expect(cluster.stored('second'), 'its place is free').to.equal(undefined)
  })

  // What a policy of each enforcement changes for an owner that is served under a name, and for those who want that name.
  const identifier = 'https://billing.example.com'
  const kept = { id: 'conflict', api: 'conflict', granted: true, served: true }
  const table: readonly [
    enforcement: string,
    spec: object,
    compliant: string,
    afterMs: number,
    cells: { readonly id: string; readonly api: string; readonly granted: boolean; readonly served: boolean },
  ][] = [
    ['Audit', { enforcement: 'Audit' }, 'Compliant', 0, kept],
    ['Warn', { enforcement: 'Warn' }, 'Warning', 0, kept],
    ['Deny within its grace', { enforcement: 'Deny', grace: '1m' }, 'PolicyViolation', 0, kept],
    [
      'Deny after its grace',
      { enforcement: 'Deny', grace: '1m' },
      'PolicyViolation',
      61_000,
      { id: 'accepted', api: 'accepted', granted: false, served: false },
    ],
  ]
  for (const [enforcement, spec, compliant, afterMs, cells] of table) {
    it(`K1 K18 changes on three replicas what it should: ${enforcement}`, async () => {
      const { api } = cluster
      const replicas = [await cluster.startReplica('server-b'), await cluster.startReplica('server-c')]
      for (const [name, labels] of [
        ['apps', { team: 'owner' }],
        ['team-b', {}],
      ] as const)
        api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
      const open = { allow: { customClientId: true, resourceServer: true, audiences: [identifier] } }
      api.set({ apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCPolicy', metadata: { name: 'open' }, spec: open })
      const resourceServer = { identifier, scopes: [{ name: 'read' }], access: [{ namespaces: ['*'] }] }
      await cluster.apply('billing', { type: 'M2M', clientId: 'shop', resourceServer })
      await is('billing', 'Ready', 'True')
      cluster.planted.add(cluster.plain('billing')!)
      const elsewhere = { namespace: 'team-b' }
      await cluster.apply('id-thief', { type: 'M2M', clientId: 'shop' }, elsewhere)
      const closed = { identifier, scopes: [{ name: 'read' }], access: [{ clientIds: ['nobody'] }] }
      await cluster.apply('api-thief', { type: 'M2M', resourceServer: closed }, elsewhere)
      await cluster.apply('caller', { type: 'M2M', audiences: [identifier], scopes: ['read'] }, elsewhere)
      const reason = (name: string, type: string, namespace = 'team-b') =>
        cluster.condition(name, type, namespace)?.reason
      await cluster.until(
        () =>
          reason('id-thief', 'Accepted') === 'ClientIDConflict' &&
          reason('api-thief', 'Accepted') === 'ClientIDConflict' &&
          reason('caller', 'Ready') === 'Ready',
        'the names are those of the owner',
      )

      const looks = await operator.looks()
      put({
        ...spec,
        selector: { namespaces: { matchLabels: { team: 'owner' } } },
        allow: { customClientId: false, resourceServer: false },
      })
      await cluster.until(() => reason('billing', 'PolicyCompliant', 'apps') === compliant, 'the policy is seen')
      await cluster.until(
        () => cluster.client('billing')?.status?.policies?.includes('no-machines') === true,
        'the policy holds',
      )
      if (afterMs > 0) await operator.pass(afterMs)
      while ((await operator.looks()) < looks + 4) await new Promise(setImmediate)
      const isAs = () => {
        const accepted = (name: string) => (reason(name, 'Accepted') === 'Accepted' ? 'accepted' : 'conflict')
        const grants = cluster.stored('caller', 'team-b')?.granted?.apis.map((one) => [one.identifier, ...one.scopes])
        const isGranted = JSON.stringify(grants) === JSON.stringify([[identifier, 'read']])
        const served = replicas.map((replica) => replica.clients().includes('apps/billing'))
        return (
          accepted('id-thief') === cells.id &&
          accepted('api-thief') === cells.api &&
          isGranted === cells.granted &&
          served.every((one) => one === cells.served)
        )
      }
      await cluster.until(isAs, `${enforcement}: ${JSON.stringify(cells)}`)
      const isReady = cluster.condition('billing', 'Ready')?.status === 'True'
      expect(isReady).to.equal(compliant !== 'PolicyViolation')
    })
  }
})
