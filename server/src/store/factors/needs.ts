// What the parts of this store do alike.
import { createHash } from 'node:crypto'
import type { Mail } from '../../mails.ts'
import { auditInsert } from '../audit.ts'
import type { AuditEvent, AuditRows } from '../audit.ts'
import type { Changes } from '../changes.ts'
import type { KeyRing } from '../envelope.ts'
import { outboxInsert } from '../outbox.ts'
import type { OutboxRows } from '../outbox.ts'
import type { Database } from '../postgres.ts'

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
}

/** The standing after it, and whether the recovery codes were stored. */
export interface Enrolled {
  readonly standing: string
  readonly codesStored: boolean
}

export const rowsOf = ({ outbox }: Pick<FactorNeeds, 'outbox'>, mail: Mail | undefined): string =>
  outbox.rows(mail === undefined ? [] : [mail])

/** Of a recovery code. */
export const hashOf = (code: string): Buffer => createHash('sha256').update(code).digest()

/** SQL: what is told of a change, where it was made. */
export const told = (audit: string, mail: string, when: string) => `
   mail AS (${outboxInsert(mail, ` WHERE ${when}`)}),
   written AS (${auditInsert(audit, ` WHERE ${when}`)})`
