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

/** The part of a statement that inserts audit rows.
 *  @param parameter such as `$7`: the text that `rows` gives
 *  @param condition such as ` WHERE EXISTS (SELECT FROM changed)`; default: always insert */
export const auditInsert = (parameter: string, condition = ''): string =>
  `INSERT INTO audit (${columns}) SELECT ${columns
    .split(', ')
    .map((column) => `e.${column}`)
    .join(
      ', ',
    )} FROM jsonb_to_recordset(${parameter}::jsonb) AS e(at timestamptz, event text, outcome text, reason text, user_id text, client_uid text, client_id text, address text, agent text, correlation_id text, replica text, detail jsonb)${condition}`
