// How a statement that changes something writes the rows of its audit events itself.
import type { AuditEvent } from './audit-event.ts'

/** For statements that write the rows of their audit events themselves. */
export interface AuditRows {
  /** @returns the parameter for `auditInsert`, with time and replica filled in */
  rows(events: readonly AuditEvent[]): string
  /** Writes the JSON lines, after the commit: that of a success may wait for others (Log.later). */
  lines(events: readonly AuditEvent[]): void
}

const columns =
  'at, event, outcome, reason, user_id, client_uid, client_id, address, agent, correlation_id, replica, detail'

/** When an event happened, as its replica says. That one's clock may be wrong, and rows are kept by that of the database: none is from the future, and
 *  none so old that it would be deleted at once. A day is longer than rows wait for a database. */
const happenedAt =
  "greatest(least(e.at, clock_timestamp() + interval '1 minute'), clock_timestamp() - interval '1 day')"

/** The part of a statement that inserts audit rows.
 *  @param parameter such as `$7`: the text that `rows` gives
 *  @param condition such as ` WHERE EXISTS (SELECT FROM changed)`; default: always insert */
export const auditInsert = (parameter: string, condition = ''): string =>
  `INSERT INTO audit (${columns}) SELECT ${columns
    .split(', ')
    .map((column) => (column === 'at' ? happenedAt : `e.${column}`))
    .join(
      ', ',
    )} FROM jsonb_to_recordset(${parameter}::jsonb) AS e(at timestamptz, event text, outcome text, reason text, user_id text, client_uid text, client_id text, address text, agent text, correlation_id text, replica text, detail jsonb)${condition}`
