// A change and its audit events in one statement and one commit: their rows are written where it was made, their lines after it.
import type { Connection, Statement } from '../driver/database.ts'
import { auditInsert } from './audit-rows.ts'
import type { AuditEvent } from './audit-event.ts'
import type { AuditRows } from './audit-rows.ts'

/** SQL: the part of a change that writes the rows of its events. Its other parameters are numbers.
 *  @param made the CTE that has a row where the change was made; undefined: it always is */
export const audited = (made?: string): string =>
  `written AS (${auditInsert('$audit', made === undefined ? '' : ` WHERE EXISTS (SELECT FROM ${made})`)})`

/** Runs a change whose text has `audited`.
 *  @param needs within a transaction those of `inTransaction`: lines wait for its commit
 *  @param values of the numbers
 *  @param isMade by what it answered; default: it has rows */
export async function runAudited<Row>(
  { database, audit }: { database: Connection; audit: AuditRows },
  change: Statement<Row>,
  values: readonly unknown[],
  events: readonly AuditEvent[],
  isMade: (rows: readonly Row[]) => boolean = (rows) => rows.length > 0,
): Promise<Row[]> {
  const rows = await database.query(change, [...values, audit.rows(events)])
  if (isMade(rows)) audit.lines(events)
  return rows
}
