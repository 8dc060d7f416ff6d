// How a statement that changes something queues the work that follows from it. outbox.ts has what becomes of it.
import type { Mail } from '../../mails.ts'

/** For statements that write rows of the outbox themselves. */
export interface OutboxRows {
  /** @returns the parameter for `outboxInsert`. Where nobody sends mail it has no rows, so that nothing waits for ever */
  rows(mails: readonly Mail[]): string
}

export const workKinds = ['mail', 'reset-request', 'registration-request', 'backchannel-logout'] as const
export type WorkKind = (typeof workKinds)[number]

export interface NewWork {
  readonly kind: WorkKind
  /** Work with a key that was queued before is not queued again. */
  readonly onceKey: string
  /** Plain JSON; encrypted in the row. */
  readonly payload: unknown
  readonly giveUpAfterMs: number
}

/** The part of a statement that queues rows.
 *  @param parameter such as `$7`: the text that `rows` gives
 *  @param condition such as ` WHERE EXISTS (SELECT FROM changed)`; default: always */
export const outboxInsert = (parameter: string, condition = ''): string =>
  `INSERT INTO outbox (id, kind, once_key, payload, encrypted_by, give_up_at)
     SELECT o.id, o.kind, o.once_key, decode(o.payload, 'base64'), o.encrypted_by, now() + o.give_up_after * interval '1 millisecond'
     FROM jsonb_to_recordset(${parameter}::jsonb) AS o(id uuid, kind text, once_key text, payload text, encrypted_by text, give_up_after float8)${condition}
     ON CONFLICT (once_key) DO NOTHING`
