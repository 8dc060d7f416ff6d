// What the parts of this store do alike.
import { createHash } from 'node:crypto'
import type { Mail } from '../../mails.ts'
import { auditInsert } from '../audit.ts'
import type { AuditEvent, AuditRows } from '../audit.ts'
import type { Changes } from '../changes.ts'
import type { KeyRing } from '../envelope.ts'
import { outboxInsert } from '../outbox.ts'
import type { OutboxRows } from '../outbox.ts'
import type { Connection, Database, Statement } from '../postgres.ts'
import { moveStandingOf } from '../standing.ts'
import type { OtherSessions } from '../standing.ts'

export interface FactorNeeds {
  readonly database: Database
  readonly ring: KeyRing
  readonly audit: AuditRows
  readonly outbox: OutboxRows
  readonly changes: Changes
}

/** What is told of a change, with the change. */
export interface Told {
  readonly audit: readonly AuditEvent[]
  readonly mail?: Mail | undefined
}

/** What every new factor comes with. */
export interface NewFactor extends Told {
  readonly userId: string
  /** Nothing is stored when it has changed, or the person is disabled. */
  readonly standing: string
  /** Given to a person who has none that still works. */
  readonly recoveryCodes: readonly string[]
  readonly others?: OtherSessions | undefined
}

/** The standing after it, when that began, and whether the recovery codes were stored. */
export interface Enrolled {
  readonly standing: string
  readonly since: Date
  readonly codesStored: boolean
}

/** Changes how a person signs in, and does with the other sessions what was chosen, in one commit.
 *  @param change locks the person's row; it has a row where something was changed
 *  @returns that row, with the standing after it; undefined when nothing was changed */
export async function changeFactors<Row>(
  { database, audit, changes }: Pick<FactorNeeds, 'database' | 'audit' | 'changes'>,
  userId: string,
  { events, others }: { events: readonly AuditEvent[]; others: OtherSessions | undefined },
  change: (connection: Connection) => Promise<readonly Row[]>,
): Promise<{ readonly row: Row; readonly standing: string; readonly since: Date } | undefined> {
  const changed = await database.transaction(async (connection) => {
    const [row] = await change(connection)
    return row === undefined ? undefined : { row, ...(await moveStandingOf(connection, userId, others)) }
  })
  if (changed === undefined) return undefined
  await changes.tell(userId)
  audit.lines(events)
  return changed
}

/** Stores a new factor. @param enrol as `change` of `changeFactors` */
export async function storeFactor(
  needs: FactorNeeds,
  enrol: Statement,
  values: readonly unknown[],
  { userId, others, audit: events }: NewFactor,
): Promise<Enrolled | undefined> {
  const stored = await changeFactors(needs, userId, { events, others }, (connection) =>
    connection.query<{ codes_stored: boolean }>(enrol, values),
  )
  if (stored === undefined) return undefined
  const { row, standing, since } = stored
  return { standing, since, codesStored: row.codes_stored }
}

export const rowsOf = ({ outbox }: Pick<FactorNeeds, 'outbox'>, mail: Mail | undefined): string =>
  outbox.rows(mail === undefined ? [] : [mail])

/** Of a recovery code. */
export const hashOf = (code: string): Buffer => createHash('sha256').update(code).digest()

/** SQL: what is told of a change, where it was made. */
export const told = (audit: string, mail: string, when: string) => `
   mail AS (${outboxInsert(mail, ` WHERE ${when}`)}),
   written AS (${auditInsert(audit, ` WHERE ${when}`)})`
