import { expect } from 'chai'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import { createConnection } from '../../src/kubernetes/connection.ts'
import type { KubeConnection } from '../../src/kubernetes/connection.ts'
import { loadCredentials } from '../../src/kubernetes/credentials.ts'
import { createLease, writeWhileHeld } from '../../src/kubernetes/lease.ts'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { ManualClock } from '@nauthera/harness/operator/clocks'
import { writeKubeconfig } from '@nauthera/harness/operator/kubeconfig'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'

describe('createLease', () => {
  let api: KubeApi
  let connection: KubeConnection

  const spec = () =>
    (
      api.store.find(api.resource('leases'), 'default', 'nauthera-operator') as unknown as {
        spec: Record<string, unknown>
      }
    )?.spec
  const leaseRequests = (user: string) =>
    api.requests.filter(({ resource, userAgent }) => resource?.plural === 'leases' && userAgent === user)

  /** A candidate with a clock of its own: no two machines agree on the time. */
  const createCandidate = (identity: string, startsAt?: number) => {
    const clock: ManualClock = createManualClock(startsAt)
    const recorded = createRecordedLog()
    const lost: string[] = []
    const waits: number[] = []
    const mine = createConnection({
      credentials: loadCredentials({ KUBECONFIG: writeKubeconfig(api.adminConfig) }, clock),
      userAgent: identity,
    })
    connections.push(mine)
    const lease = createLease({
      connection: mine,
      namespace: 'default',
      name: 'nauthera-operator',
      identity,
      clock,
      log: recorded.log,
      random: () => 0,
      onLost: (reason, backOffMs) => {
        lost.push(reason)
        waits.push(backOffMs)
      },
    })
    let leads = false
    const acquired = lease.acquire().then(() => {
      leads = true
    })
    /** Lets time pass and waits for what it set off. */
    const pass = async (milliseconds: number) => {
      const before = leaseRequests(identity).length
      clock.advance(milliseconds)
      // The next wait begins when the attempt is over.
      await until(() => leaseRequests(identity).length > before && clock.pending > 0)
    }
    return { lease, clock, lost, waits, acquired, pass, leads: () => leads }
  }
  let connections: KubeConnection[]
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        clearInterval(glance)
        reject(new Error('not within 15 s'))
      }, 15_000)
      const glance = setInterval(() => {
        if (!holds()) return
        clearTimeout(timer)
        clearInterval(glance)
        resolve()
      }, 5)
    })

  beforeEach(async () => {
    api = await startKubeApi({ definitions: [] })
    connections = []
    connection = createConnection({
      credentials: loadCredentials({ KUBECONFIG: writeKubeconfig(api.adminConfig) }, createManualClock()),
      userAgent: 'test',
    })
    connections.push(connection)
  })
  afterEach(async () => {
    for (const one of connections) one.stop()
    await api.stop()
  })

  it('is held by the first who asks, and named after it', async () => {
    const first = createCandidate('first')
    await first.acquired
    expect(first.lease.isHeld()).to.equal(true)
    expect(spec()).to.include({ holderIdentity: 'first', leaseDurationSeconds: 15, leaseTransitions: 0 })
  })

  it('stays with a holder that renews it, however long', async () => {
    const first = createCandidate('first')
    await first.acquired
    const second = createCandidate('second')
    await until(() => leaseRequests('second').length === 1 && second.clock.pending > 0)
    for (let round = 0; round < 15; round++) {
      await first.pass(2_000)
      await second.pass(2_000)
    }
    expect(second.leads()).to.equal(false)
    expect(first.lost).to.deep.equal([])
  })

  it('F12 is taken 15 s after the record was last seen to change, by the own clock, whatever other clocks say', async () => {
    const first = createCandidate('first', Date.parse('2031-01-01T00:00:00Z'))
    await first.acquired
    const second = createCandidate('second', Date.parse('2020-01-01T00:00:00Z'))
    await until(() => leaseRequests('second').length === 1 && second.clock.pending > 0)
    for (let round = 0; round < 7; round++) {
      await second.pass(2_000)
      expect(second.leads()).to.equal(false)
    }
    second.clock.advance(2_000)
    await second.acquired
    expect(spec()).to.include({ holderIdentity: 'second', leaseTransitions: 1 })
  })

  it('F12 is taken as soon though every third read fails', async () => {
    await createCandidate('first').acquired
    let reads = 0
    api.faults.add({
      when: ({ verb, userAgent }) => verb === 'get' && userAgent === 'second' && ++reads % 3 === 2,
      effect: { kind: 'refuse', code: 503 },
    })
    const second = createCandidate('second')
    await until(() => leaseRequests('second').length === 1 && second.clock.pending > 0)
    for (let round = 0; round < 7; round++) await second.pass(2_000)
    expect([second.leads(), reads]).to.deep.equal([false, 8])
    second.clock.advance(2_000)
    await second.acquired
    expect(spec()).to.include({ holderIdentity: 'second', leaseTransitions: 1 })
  })

  it('F12 is lost by a holder who wakes up after another took it', async () => {
    const first = createCandidate('first')
    await first.acquired
    const second = createCandidate('second')
    await until(() => leaseRequests('second').length === 1 && second.clock.pending > 0)
    for (let round = 0; round < 7; round++) await second.pass(2_000)
    second.clock.advance(2_000)
    await second.acquired
    first.clock.advance(30_000)
    expect(first.lease.isHeld()).to.equal(false)
    await until(() => first.lost.length === 1)
    expect(spec()).to.include({ holderIdentity: 'second' })
  })

  it('is lost after ten seconds without a renewal', async () => {
    const first = createCandidate('first')
    await first.acquired
    api.faults.add({ when: ({ resource }) => resource?.plural === 'leases', effect: { kind: 'refuse', code: 500 } })
    for (let round = 0; round < 4; round++) {
      await first.pass(2_000)
      expect(first.lost).to.deep.equal([])
    }
    first.clock.advance(2_000)
    await until(() => first.lost.length === 1)
    expect(first.lost[0]).to.include('not renewed')
  })

  it('is lost under overload by one process after another, each of which waits twice as long; a candidate asks ever more seldom', async () => {
    const overload = { when: () => true, effect: { kind: 'refuse', code: 503 } } as const
    for (const expected of [1_000, 2_000, 4_000]) {
      // the pod starts again under its name
      const leader = createCandidate('first')
      await leader.acquired
      api.faults.add(overload)
      for (let round = 0; round < 4; round++) await leader.pass(2_000)
      leader.clock.advance(2_000)
      await until(() => leader.waits.length === 1)
      expect(leader.waits).to.deep.equal([expected])
      api.faults.clear()
    }
    api.faults.add(overload)
    const waiting = createCandidate('second')
    await until(() => leaseRequests('second').length === 1 && waiting.clock.pending > 0)
    for (const wait of [2_000, 4_000, 8_000, 8_000]) {
      waiting.clock.advance(wait - 1)
      expect(waiting.clock.pending).to.equal(1)
      await waiting.pass(1)
    }
  })

  it('survives shorter failures, and lost answers', async () => {
    const first = createCandidate('first')
    await first.acquired
    api.faults.add({ when: ({ verb }) => verb === 'update', effect: { kind: 'lose-answer' }, times: 1 })
    await first.pass(2_000)
    await first.pass(2_000)
    await first.pass(2_000)
    expect(first.lost).to.deep.equal([])
    expect(first.lease.isHeld()).to.equal(true)
  })

  it('F38 is free at once after a release', async () => {
    const first = createCandidate('first')
    await first.acquired
    await first.lease.release()
    expect(spec()).to.include({ holderIdentity: '', leaseDurationSeconds: 1 })
    const second = createCandidate('second')
    await second.acquired
    expect(spec()).to.include({ holderIdentity: 'second' })
  })

  it('lets nobody write who does not hold it', async () => {
    const held = { isHeld: () => true }
    const gone = { isHeld: () => false }
    const path = '/api/v1/namespaces/default/secrets'
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'one', namespace: 'default' } }
    await writeWhileHeld(connection, held).call({ method: 'POST', path, body })
    let refused: unknown
    await writeWhileHeld(connection, gone)
      .call({ method: 'POST', path, body: { ...body, metadata: { ...body.metadata, name: 'two' } } })
      .catch((error: unknown) => {
        refused = error
      })
    expect(refused).to.be.instanceOf(ApiError).with.property('code', 'LEASE_LOST')
    expect(api.store.find(api.resource('secrets'), 'default', 'two')).to.equal(undefined)
    await writeWhileHeld(connection, gone).call({ method: 'GET', path: `${path}/one` })
  })
})
