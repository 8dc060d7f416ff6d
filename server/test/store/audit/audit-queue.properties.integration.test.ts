import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { keptLog } from '@nauthera/harness/kept-log'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createMetrics } from '@nauthera/runtime/metrics'
import { expect } from 'chai'
import fc from 'fast-check'
import { auditInsert } from '../../../src/store/audit/audit-rows.ts'
import { AuditQueue } from '../../../src/store/audit/audit-queue.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Connection } from '../../../src/store/driver/database.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const insert = statement('test-audit-insert', auditInsert('$1'), { batched: true })

describe(AuditQueue.name, () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  const open = (database: Connection) => {
    const { lines, log } = keptLog()
    const metrics = createMetrics('test')
    return { queue: new AuditQueue({ database, insert, log, metrics }), lines, metrics }
  }
  const rowOf = (userId: string, reason: string, detail: unknown) => ({
    at: new Date().toISOString(),
    event: 'token.issued',
    outcome: 'success',
    replica: 'pod-1',
    user_id: userId,
    reason,
    detail,
  })

  it('E19 stores every row, whatever it holds: what PostgreSQL refuses stands there as text, and holds up no other one', async () => {
    const store = fresh.replica()
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom<unknown>('a\u0000b', '\ud800', '\udfff\u0000', 10n, 1, true, { deep: ['\u0000'] }, 'ordinary'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 40 }), async (values) => {
        const userId = randomUUID()
        const { queue } = open(store.database)
        values.forEach((one, at) => queue.add(rowOf(userId, `n${at}`, { one })))
        await queue.flush()
        const { waiting, lost, setAside } = queue.backlog()
        const whole = await store.audit.search({ userId, limit: 100 })
        expect([waiting, lost, whole.length + setAside]).to.deep.equal([0, 0, values.length])
        await queue.stop()
      }),
      { numRuns: propertyRuns(25) },
    )
  })

  it('keeps 50,000 rows while a slow PostgreSQL takes fewer than come, and tells how many wait', async () => {
    const asked: (() => void)[] = []
    const slow: Connection = { query: () => new Promise((resolve) => asked.push(() => resolve([]))) }
    const { queue, metrics } = open(slow)
    const add = (count: number) => {
      for (let at = 0; at < count; at++) queue.add(rowOf(randomUUID(), 'slow', {}))
    }
    const shown = async () => Number(/^nauthera_audit_waiting_rows\{.*\} (\d+)$/m.exec(await metrics.render())?.[1])
    add(1_000)
    const flushed = queue.flush()
    add(60_000)
    expect(await shown()).to.equal(61_000)
    asked.shift()!()
    await turn()
    expect([await shown(), queue.backlog().lost]).to.deep.equal([50_000, 10_000])
    while (asked.length > 0) {
      asked.shift()!()
      await turn()
    }
    await flushed
    expect([await shown(), queue.backlog().lost]).to.deep.equal([0, 10_000])
    await queue.stop()
  })

  it('says in log and metrics what it did with a refused row, and where its text is', async () => {
    const store = fresh.replica()
    const { queue, lines, metrics } = open(store.database)
    const userId = randomUUID()
    for (let at = 0; at < 1500; at++) queue.add(rowOf(userId, `n${at}`, at === 700 ? { one: 'a\u0000b' } : {}))
    await queue.flush()
    expect(await store.audit.search({ userId, limit: 2000 })).to.have.length(1499)
    const [aside] = (await store.audit.search({ event: 'token.issued', limit: 2000 })).filter(
      ({ detail }) => detail?.['refused'],
    )
    const text = JSON.parse(aside!.detail!['refused'] as string) as { user_id: string; detail: { one: string } }
    expect([text.user_id, text.detail.one]).to.deep.equal([userId, 'a\u0000b'])
    expect(lines.filter((line) => line.includes('PostgreSQL refused a row of the audit log'))).to.have.length(1)
    const rendered = await metrics.render()
    expect(rendered).to.match(/nauthera_audit_rows_total\{outcome="set_aside".*\} 1/)
    await queue.stop()
  })

  it('waits while PostgreSQL is away, also in the middle of a batch', async () => {
    const store = fresh.replica()
    const userId = randomUUID()
    let calls = 0
    const { queue } = open({
      query: (asked, values) =>
        [3, 4].includes(++calls)
          ? Promise.reject(new CodedError('STORE_UNAVAILABLE'))
          : store.database.query(asked, values),
    })
    for (let at = 0; at < 10; at++) queue.add(rowOf(userId, `n${at}`, at === 7 ? { one: '\u0000' } : {}))
    await queue.flush()
    expect(queue.backlog()).to.deep.equal({ waiting: 5, lost: 0, setAside: 0 })
    await queue.flush()
    await queue.flush()
    expect(queue.backlog()).to.deep.equal({ waiting: 0, lost: 0, setAside: 1 })
    const reasons = (await store.audit.search({ userId, limit: 100 })).map(({ reason }) => reason)
    expect(reasons).to.have.members([0, 1, 2, 3, 4, 5, 6, 8, 9].map((at) => `n${at}`))
    await queue.stop()
  })
})
