import { expect } from 'chai'
import fc from 'fast-check'
import { AuditCounts, countingOf } from '../../../src/store/audit/audit-counts.ts'
import type { AuditEvent, AuditName } from '../../../src/store/audit/audit-event.ts'

const refused: AuditEvent = {
  event: 'client.auth_failed',
  outcome: 'failure',
  reason: 'invalid secret provided',
  address: '192.0.2.1',
  agent: 'curl',
  correlationId: 'one',
}
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second))

/** @returns the rows after these events, one a second */
function rowsOf(events: readonly AuditEvent[], machineTokens: 'counted' | 'each' = 'counted') {
  const counts = new AuditCounts()
  events.forEach((event, second) => counts.add(event, countingOf(event, machineTokens)!, at(second)))
  return counts.take()
}

describe('countingOf', () => {
  const own: [string, AuditEvent][] = [
    ['a sign-in', { event: 'signin.success', outcome: 'success' }],
    ['a token of a person', { event: 'token.issued', outcome: 'success', detail: { grant: 'authorization_code' } }],
    ['a replayed code', { event: 'code.replay', outcome: 'failure' }],
    ['what an administrator does', { event: 'admin.users.add', outcome: 'success' }],
  ]
  for (const [what, event] of own)
    it(`gives ${what} a row of its own`, () => expect(countingOf(event, 'counted')).to.equal(undefined))

  it('counts tokens of machines by client, unless each is wanted', () => {
    const event: AuditEvent = {
      event: 'token.issued',
      outcome: 'success',
      clientUid: 'a',
      detail: { grant: 'client_credentials' },
    }
    expect(countingOf(event, 'counted')).to.have.property('kind', 'client')
    expect(countingOf(event, 'each')).to.equal(undefined)
  })

  it('counts uses of a previous secret by client and secret', () => {
    const used = (secret: string) =>
      countingOf(
        { event: 'client.previous_secret_used', outcome: 'success', clientUid: 'a', detail: { secret } },
        'each',
      )!.key
    expect(used('one')).to.equal(used('one'))
    expect(used('one')).not.to.equal(used('two'))
  })

  it('counts an IPv6 address by its /64', () => {
    const key = (address: string) => countingOf({ ...refused, address }, 'counted')!.key
    expect(key('2001:db8::1')).to.equal(key('2001:db8::ffff'))
    expect(key('2001:db8::1')).not.to.equal(key('2001:db8:0:1::1'))
  })
})

describe('AuditCounts', () => {
  it('leaves a single event as it is', () => {
    expect(rowsOf([refused])).to.deep.equal([{ event: refused, at: at(0) }])
  })

  it('makes one row of events that are alike, without what differs between them', () => {
    const [row, ...others] = rowsOf([refused, { ...refused, correlationId: 'two', clientId: 'app' }])
    expect(others).to.deep.equal([])
    expect(row!.at).to.deep.equal(at(0))
    expect(row!.event).to.deep.include({ reason: refused.reason, address: '192.0.2.1', agent: 'curl' })
    expect(row!.event.correlationId).to.equal(undefined)
    expect(row!.event.clientId).to.equal(undefined)
    expect(row!.event.detail).to.deep.equal({ count: 2, lastAt: at(1).toISOString() })
  })

  it('names the block when the addresses differ', () => {
    const from = (address: string) => ({ ...refused, address })
    const [row] = rowsOf(['2001:db8::1', '2001:db8::2', '2001:db8::3'].map(from))
    expect(row!.event.address).to.equal('2001:db8:0:0::/64')
  })

  it('keeps rows of different persons apart', () => {
    const wrong = (userId: string): AuditEvent => ({ ...refused, event: 'signin.failure', userId })
    expect(rowsOf([wrong('ada'), wrong('grace'), wrong('ada')])).to.have.length(2)
  })

  it('E6 makes at most 1,000 rows of refusals, and counts the rest as other', () => {
    const events = Array.from({ length: 5000 }, (_, n) => ({ ...refused, address: `2001:db8:0:${n.toString(16)}::1` }))
    const rows = rowsOf(events)
    expect(rows).to.have.length(1001)
    const last = rows.at(-1)!.event
    expect(last).to.deep.include({ event: 'client.auth_failed', reason: 'other', address: undefined })
    expect(last.detail).to.include({ count: 4000 })
  })

  it('E6 leaves room for others beside an address that gives a new reason each time', () => {
    const flood = Array.from({ length: 5000 }, (_, n) => ({ ...refused, reason: `scope ${n} is refused` }))
    const rows = rowsOf([...flood, { ...refused, event: 'signin.failure', address: '198.51.100.7', userId: 'ada' }])
    expect(rows).to.have.length(102)
    expect(rows.map(({ event }) => event)).to.deep.include({
      ...refused,
      event: 'signin.failure',
      address: '198.51.100.7',
      userId: 'ada',
    })
    const rest = rows.find(({ event }) => event.reason === 'other')!.event
    expect(rest).to.deep.include({ event: 'client.auth_failed', address: '192.0.2.1' })
    expect(rest.detail).to.include({ count: 4900 })
  })

  it('begins anew after the rows were taken', () => {
    const counts = new AuditCounts()
    counts.add(refused, countingOf(refused, 'counted')!, at(0))
    expect(counts.take()).to.have.length(1)
    expect(counts.take()).to.deep.equal([])
  })

  it('E6 no event is lost, and the rows stay within their number, whatever comes', () => {
    const names: AuditName[] = ['signin.failure', 'token.refused', 'client.auth_failed', 'authorization.refused']
    const text = fc.option(fc.string({ maxLength: 300 }), { nil: undefined })
    const event = fc.record({
      event: fc.constantFrom(...names),
      outcome: fc.constant('failure' as const),
      reason: text,
      address: fc.option(fc.oneof(fc.ipV4(), fc.ipV6()), { nil: undefined }),
      clientUid: text,
      userId: text,
      agent: text,
      correlationId: text,
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const rows = rowsOf(events)
        const counted = rows.reduce((sum, row) => sum + Number(row.event.detail?.['count'] ?? 1), 0)
        expect(counted).to.equal(events.length)
        expect(rows.length).to.be.at.most(1000 + names.length)
      }),
    )
  })
})
