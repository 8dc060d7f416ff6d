import { expect } from 'chai'
import type { AuditEvent } from '../../../src/store/audit/audit-event.ts'
import { inTransaction } from '../../../src/store/outbox/in-transaction.ts'
import type { Transactional } from '../../../src/store/outbox/in-transaction.ts'

const event: AuditEvent = { event: 'account.disabled', outcome: 'success' }

/** Runs the work of a transaction so many times before it commits. */
function needsOf(order: string[], runs: number): Transactional {
  const database = {
    async transaction(work: (connection: object) => Promise<unknown>) {
      for (let run = 1; run < runs; run++) await work({})
      const result = await work({})
      order.push('commit')
      return result
    },
  }
  return {
    database: database as unknown as Transactional['database'],
    audit: { rows: () => '[]', lines: (events) => void order.push(...events.map((one) => one.event)) },
    changes: { report: async (...ids) => void order.push(...ids) },
  }
}

describe(inTransaction.name, () => {
  const work = async ({ audit, changes }: Transactional) => {
    audit.lines([event])
    await changes.report('one', 'two')
    return 'done'
  }

  it('marks what changed and writes lines only after the commit', async () => {
    const order: string[] = []
    expect(await inTransaction(needsOf(order, 1), work)).to.equal('done')
    expect(order).to.deep.equal(['commit', 'one', 'two', 'account.disabled'])
  })

  it('forgets what a run said that was repeated', async () => {
    const order: string[] = []
    await inTransaction(needsOf(order, 3), work)
    expect(order).to.deep.equal(['commit', 'one', 'two', 'account.disabled'])
  })

  it('says nothing of a transaction that failed', async () => {
    const order: string[] = []
    const failing = async (bound: Transactional) => {
      await work(bound)
      throw new Error('no')
    }
    expect(await inTransaction(needsOf(order, 1), failing).catch((error: Error) => error.message)).to.equal('no')
    expect(order).to.deep.equal([])
  })
})
