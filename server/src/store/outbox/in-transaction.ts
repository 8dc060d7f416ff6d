// Statements of several tables in one transaction. What follows a commit, lines of the audit log and marks in the cache, waits for it.
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { StoreChanges } from '../cache/changes.ts'
import type { Database } from '../driver/database.ts'

export interface Transactional {
  readonly database: Database
  readonly audit: AuditRows
  readonly changes: StoreChanges
}

/** @param work gets what stands in for `needs` until the commit; it may run again after a conflict */
export async function inTransaction<T>(needs: Transactional, work: (bound: Transactional) => Promise<T>): Promise<T> {
  const { database, audit, changes } = needs
  const { result, events, ids } = await database.transaction(async (connection) => {
    const events: AuditEvent[] = []
    const ids: string[] = []
    const result = await work({
      database: {
        query: (asked, values) => connection.query(asked, values),
        transaction: (inner) => inner(connection),
        listen: (channel, onNotification) => database.listen(channel, onNotification),
        checkListening: () => database.checkListening(),
        counters: () => database.counters(),
        stop: () => database.stop(),
      },
      audit: { rows: (rows) => audit.rows(rows), lines: (more) => void events.push(...more) },
      changes: { report: async (...more) => void ids.push(...more) },
    })
    return { result, events, ids }
  })
  await changes.report(...ids)
  audit.lines(events)
  return result
}
