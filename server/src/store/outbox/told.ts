// A change, its audit events and its mail in one statement and one commit.
import type { Mail } from '../../mails.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { audited, runAudited } from '../audit/audited.ts'
import type { Connection, Statement } from '../driver/database.ts'
import { outboxInsert } from './outbox-rows.ts'
import type { OutboxRows } from './outbox-rows.ts'

/** What is told of a change, with the change. */
export interface Told {
  readonly audit: readonly AuditEvent[]
  readonly mail?: Mail | undefined
}

/** SQL: the part of a change that queues its mail and writes the rows of its events. @param made the CTE that has a row where it was made */
export const told = (
  made: string,
): string => `mail AS (${outboxInsert('$mails', ` WHERE EXISTS (SELECT FROM ${made})`)}),
   ${audited(made)}`

/** As `runAudited`, for a text that has `told`. */
export const runTold = <Row>(
  needs: { database: Connection; audit: AuditRows; outbox: OutboxRows },
  change: Statement<Row>,
  values: readonly unknown[],
  { audit, mail }: Told,
): Promise<Row[]> => runAudited(needs, change, [...values, needs.outbox.rows(mail === undefined ? [] : [mail])], audit)
