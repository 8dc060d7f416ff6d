import { randomUUID } from 'node:crypto'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createLog } from '@nauthera/runtime/log'
import type { Fields, Log } from '@nauthera/runtime/log'
import { expect } from 'chai'
import { createAudit } from '../../../src/store/audit/audit.ts'
import type { Connection } from '../../../src/store/driver/database.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

describe(createAudit.name, () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  const openAudit = (database: Connection) => {
    const lines: Record<string, unknown>[] = []
    const sink = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
    const log = createLog({ process: 'test', level: 'info', format: 'json', sink })
    return {
      log,
      audit: createAudit({ database, log, replica: 'pod-1', settings: { machineTokens: 'counted' } }),
      lines,
    }
  }

  it('writes the line before it returns and the row after it', async () => {
    const { database } = fresh.replica()
    const { audit, lines } = openAudit(database)
    const userId = randomUUID()
    audit.record({
      event: 'signin.failure',
      outcome: 'failure',
      reason: 'wrong-password',
      userId,
      address: '192.0.2.1',
    })
    expect(lines).to.have.length(1)
    expect(lines[0]).to.include({ msg: 'audit', event: 'signin.failure', reason: 'wrong-password', user: userId })
    await audit.flush()
    const [row] = await audit.search({ userId, limit: 5 })
    expect(row).to.include({ event: 'signin.failure', outcome: 'failure', address: '192.0.2.1', replica: 'pod-1' })
    await audit.stop()
  })

  it('F68 a row is kept for its time, by whatever clock its replica wrote it', async () => {
    const { database, reaper } = fresh.replica()
    const day = 86_400_000
    for (const days of [-400, -91, 0, 91, 400]) {
      const { log } = openAudit(database)
      const now = () => new Date(Date.now() + days * day)
      const audit = createAudit({ database, log, replica: 'pod-1', settings: { machineTokens: 'counted' }, now })
      const userId = randomUUID()
      audit.record({ event: 'signin.failure', outcome: 'failure', userId })
      await audit.flush()
      await reaper.reap()
      const [row] = await audit.search({ userId, limit: 5 })
      expect(row?.at.getTime(), `${days} days`).to.be.within(Date.now() - day - 60_000, Date.now() + 2 * 60_000)
      await audit.stop()
    }
  })

  it('leaves the line of what was granted to who writes that of the request, and writes the row', async () => {
    const { database } = fresh.replica()
    const { audit, lines } = openAudit(database)
    const userId = randomUUID()
    const line = audit.recordGranted({ event: 'token.refreshed', outcome: 'success', userId, correlationId: 'abc' })
    expect(line).to.include({ event: 'token.refreshed', outcome: 'success', user: userId, correlation: 'abc' })
    expect(lines).to.deep.equal([])
    await audit.flush()
    expect(await audit.search({ userId, limit: 5 })).to.have.length(1)
    await audit.stop()
  })

  it('lets the line of a success wait, whose row is written by then, and no other', () => {
    const told: string[] = []
    const note = (way: string) => (fields: Fields) => void told.push(`${way} ${String(fields['event'])}`)
    const log = { info: note('at once'), later: note('later') } as unknown as Log
    const { database } = fresh.replica()
    const audit = createAudit({ database, log, replica: 'pod-1', settings: { machineTokens: 'counted' } })
    audit.lines([
      { event: 'signin.success', outcome: 'success' },
      { event: 'code.replay', outcome: 'failure' },
    ])
    audit.record({ event: 'signin.failure', outcome: 'failure' })
    expect(told).to.deep.equal(['later signin.success', 'at once code.replay', 'at once signin.failure'])
    return audit.stop()
  })

  it('writes many events in few statements', async () => {
    const { database } = fresh.replica()
    const { audit } = openAudit(database)
    const userId = randomUUID()
    const before = database.counters().batches
    for (let turn = 0; turn < 1500; turn++) audit.record({ event: 'token.issued', outcome: 'success', userId })
    await audit.flush()
    expect(database.counters().batches - before).to.equal(2)
    expect(await audit.search({ userId, limit: 2000 })).to.have.length(1500)
    await audit.stop()
  })

  it('I1 keeps the rows while PostgreSQL is away and writes them when it is back', async () => {
    const { database } = fresh.replica()
    let away = true
    const flaky: Connection = {
      query: (asked, values) =>
        away ? Promise.reject(new CodedError('STORE_UNAVAILABLE')) : database.query(asked, values),
    }
    const { audit } = openAudit(flaky)
    const userId = randomUUID()
    audit.record({ event: 'session.ended', outcome: 'success', userId })
    await audit.flush()
    expect(audit.backlog()).to.deep.equal({ waiting: 1, lost: 0, setAside: 0 })
    away = false
    await audit.stop()
    expect(audit.backlog()).to.deep.equal({ waiting: 0, lost: 0, setAside: 0 })
    expect(await audit.search({ userId, limit: 5 })).to.have.length(1)
  })

  it('accepts everything that browsers send: NUL, lone surrogates, any length', async () => {
    const { database } = fresh.replica()
    const { audit } = openAudit(database)
    const userId = randomUUID()
    const subject = 'system:\u0000\udfff'
    audit.record({ event: 'token.issued', outcome: 'success', userId, detail: { subject } })
    audit.record({ event: 'signin.failure', outcome: 'failure', userId, agent: `a\u0000b\ud800${'x'.repeat(9000)}` })
    audit.record({ event: 'signin.locked', outcome: 'failure', userId, agent: '\ud83d\ude00'.repeat(9000) })
    await audit.flush()
    const rows = await audit.search({ userId, limit: 5 })
    expect(rows).to.have.length(3)
    expect(rows.every(({ agent = '' }) => agent.length <= 500)).to.equal(true)
    expect(rows.find(({ event }) => event === 'token.issued')!.detail).to.deep.equal({ subject: 'system:\ufffd\ufffd' })
    await audit.stop()
  })

  it('writes a row for each minute of refusals that are alike, and a line for each', async () => {
    const { database } = fresh.replica()
    const { audit, lines } = openAudit(database)
    const userId = randomUUID()
    const wrong = { event: 'signin.failure', outcome: 'failure', reason: 'wrong-password', userId } as const
    for (let turn = 0; turn < 50; turn++) audit.record({ ...wrong, address: '192.0.2.7', correlationId: String(turn) })
    await audit.stop()
    expect(lines.filter(({ event }) => event === 'signin.failure')).to.have.length(50)
    const [row, ...others] = await audit.search({ userId, limit: 5 })
    expect(others).to.deep.equal([])
    expect(row!.detail).to.include({ count: 50 })
  })

  it('cuts foreign text in a line at 200 characters', () => {
    const { audit, lines } = openAudit(fresh.replica().database)
    audit.record({ event: 'signin.failure', outcome: 'failure', reason: 'r'.repeat(900), agent: 'a'.repeat(250) })
    expect(lines[0]!['reason']).to.equal(`${'r'.repeat(200)}…`)
    expect(lines[0]!['agent']).to.equal(`${'a'.repeat(200)}…`)
    return audit.stop()
  })

  it('searches by time and event, the newest first', async () => {
    const { database } = fresh.replica()
    const { audit } = openAudit(database)
    const userId = randomUUID()
    audit.record({ event: 'session.ended', outcome: 'failure', userId })
    audit.record({ event: 'signin.success', outcome: 'success', userId, detail: { attempt: 2 } })
    await audit.flush()
    expect((await audit.search({ userId, limit: 5 })).map(({ event }) => event)).to.deep.equal([
      'signin.success',
      'session.ended',
    ])
    expect(await audit.search({ userId, event: 'signin.success', limit: 5 })).to.have.length(1)
    expect(await audit.search({ userId, since: new Date(Date.now() + 60_000), limit: 5 })).to.have.length(0)
    await audit.stop()
  })
})
