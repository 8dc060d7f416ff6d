// The outbox: work outside of the database, such as a mail, queued in the same commit. A change and what follows from it are one commit:
// the statement of the
// change writes the row. Every replica takes rows; a row is tried by one at a time (outbox-runner.ts).
import { randomUUID } from 'node:crypto'
import { CodedError } from '@nauthera/runtime/coded-error'
import { hasShape } from '@nauthera/runtime/json'
import type { JsonShape, Shaped } from '@nauthera/runtime/json'
import type { Mail } from '../../mails.ts'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { KeyEncryptionRing } from '../driver/envelope.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'
import { reencryptRows, unreadableIds } from '../driver/sealed-rows.ts'
import type { Reencrypted, SealedRows } from '../driver/sealed-rows.ts'
import { outboxInsert } from './outbox-rows.ts'
import type { NewWork, OutboxRows, WorkKind } from './outbox-rows.ts'

export interface Outbox extends OutboxRows {
  /** Whether mail is sent here (setting `mail`). */
  readonly sendsMail: boolean
  /** @returns false when a mail with this key was queued before, or nobody sends mail */
  enqueue(mail: Mail): Promise<boolean>
  /** As `rows`, for work of any kind. */
  workRows(work: readonly NewWork[]): string
  /** Takes rows of these kinds that are due, for `leaseMs`: after that another replica may take them.
   *  @param minAgeMs only those that were queued so long ago; default: all */
  claim(kinds: readonly string[], most: number, leaseMs: number, minAgeMs?: number): Promise<Claimed[]>
  /** Done: the row stays as a mark, without its content. Does nothing when the row was claimed again since. */
  finish(claimed: Claimed): Promise<void>
  /** Not done: tried again after `delayMs`. */
  retry(claimed: Claimed, delayMs: number): Promise<void>
  /** Gives the row back untried: it is due again after `delayMs`, and no try is counted. */
  postpone(claimed: Claimed, delayMs: number): Promise<void>
  /** Never tried again. */
  abandon(claimed: Claimed, audit: readonly AuditEvent[]): Promise<void>
  /** How many rows wait. */
  waiting(): Promise<number>
  /** Encrypts what waits under older keys of the ring again, with the current one. */
  reencrypt(): Promise<Reencrypted>
  /** The ids of the rows that wait and do not open. */
  unreadable(): Promise<string[]>
}

export interface Claimed {
  readonly id: string
  readonly kind: string
  /** 1 at the first try. */
  readonly tries: number
  readonly createdAt: Date
  /** Milliseconds until it is too old, by the clock of the database and the time since it was claimed. */
  readonly left: () => number
  /** @throws CodedError KEY_RING_LACKS_KEY, SEALED_ROW_DAMAGED */
  readonly open: () => unknown
}

/** @param shape what is read of the payload
 *  @throws CodedError STORED_VALUE_INVALID for one of another shape, and those of `open` */
export function payloadOf<const Shape extends JsonShape>(work: Claimed, shape: Shape): Shaped<Shape> {
  const payload = work.open()
  if (hasShape(payload, shape)) return payload
  throw new CodedError('STORED_VALUE_INVALID', { message: `outbox, row ${work.id}: no ${work.kind}` })
}

/** A notice that nobody could be told in a day is old news. */
const day = 86_400_000

const enqueue = statement('outbox-enqueue', `${outboxInsert('$1')} RETURNING id`)
const claim = statement<OutboxRow>(
  'outbox-claim',
  `UPDATE outbox SET tries = tries + 1, next_at = clock_timestamp() + $2::float8 * interval '1 millisecond'
   WHERE id IN (SELECT id FROM outbox WHERE done_at IS NULL AND next_at <= clock_timestamp() AND kind = ANY($3)
     AND created_at <= clock_timestamp() - $4::float8 * interval '1 millisecond' ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED)
   RETURNING *, (extract(epoch FROM give_up_at - clock_timestamp()) * 1000)::float8 AS left_ms`,
  { batched: true },
)
// `tries` is the claim: when it has changed, somebody else has the row by now
const mine = 'id = $1 AND tries = $2 AND done_at IS NULL'
const finish = statement(
  'outbox-finish',
  `UPDATE outbox SET done_at = clock_timestamp(), payload = ''::bytea WHERE ${mine}`,
  { batched: true },
)
const retry = statement(
  'outbox-retry',
  `UPDATE outbox SET next_at = clock_timestamp() + $3::float8 * interval '1 millisecond' WHERE ${mine}`,
  { batched: true },
)
const putOff = statement(
  'outbox-put-off',
  `UPDATE outbox SET tries = tries - 1, next_at = clock_timestamp() + $3::float8 * interval '1 millisecond' WHERE ${mine}`,
  { batched: true },
)
const giveUp = statement(
  'outbox-give-up',
  `WITH given AS (UPDATE outbox SET done_at = clock_timestamp(), payload = ''::bytea WHERE ${mine} RETURNING id),
   ${audited('given')}
   SELECT id FROM given`,
  { batched: true },
)
const waiting = statement<{ waiting: number }>(
  'outbox-waiting',
  'SELECT count(*) AS waiting FROM outbox WHERE done_at IS NULL',
  { batched: true },
)

const sealed = statement<Pick<OutboxRow, 'id' | 'kind' | 'payload' | 'encrypted_by'>>(
  'outbox-sealed',
  `SELECT id, kind, payload, encrypted_by FROM outbox
   WHERE done_at IS NULL AND encrypted_by NOT IN ('', $2) AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT 500`,
)
// a row that is done meanwhile stays empty
const setPayload = statement(
  'outbox-set-payload',
  'UPDATE outbox SET payload = $2, encrypted_by = $3 WHERE id = $1 AND encrypted_by = $4 AND done_at IS NULL',
)

interface OutboxRow {
  readonly id: string
  readonly kind: string
  readonly payload: Buffer
  readonly encrypted_by: string
  readonly created_at: Date
  readonly tries: number
  readonly left_ms: number
}

export function createOutbox(needs: {
  database: Connection
  /** Read only when there is something to encrypt or decrypt. */
  ring: () => KeyEncryptionRing
  audit: AuditRows
  sendsMail: boolean
}): Outbox {
  const { database, ring, sendsMail } = needs
  const workRows = (work: readonly NewWork[]) => JSON.stringify(work.map((each) => rowOf(ring(), each)))
  const rows = (mails: readonly Mail[]) => workRows(sendsMail ? mails.map(workOf) : [])
  return {
    sendsMail,
    rows,
    workRows,
    enqueue: async (mail) => (await database.query(enqueue, [rows([mail])])).length === 1,
    claim: async (kinds, most, leaseMs, minAgeMs = 0) =>
      (await database.query(claim, [most, leaseMs, kinds, minAgeMs])).map((row) => claimedOf(ring, row)),
    finish: async ({ id, tries }) => void (await database.query(finish, [id, tries])),
    retry: async ({ id, tries }, delayMs) => void (await database.query(retry, [id, tries, delayMs])),
    postpone: async ({ id, tries }, delayMs) => void (await database.query(putOff, [id, tries, delayMs])),
    async abandon({ id, tries }, events) {
      await runAudited(needs, giveUp, [id, tries], events)
    },
    waiting: async () => (await database.query(waiting))[0]!.waiting,
    reencrypt: () => reencryptRows(ring(), sealedRows(database)),
    unreadable: () => unreadableIds(ring(), sealedRows(database)),
  }
}

const sealedRows = (database: Connection): SealedRows => ({
  page: async (after, but) =>
    (await database.query(sealed, [after ?? null, but])).map((row) => ({
      id: row.id,
      box: row.payload,
      keyId: row.encrypted_by,
      boundTo: bindingOf(row),
    })),
  replace: async (row, box, keyId) => void (await database.query(setPayload, [row.id, box, keyId, row.keyId])),
})

const workOf = ({ onceKey, giveUpAfterMs = day, ...mail }: Mail): NewWork => ({
  kind: 'mail',
  onceKey,
  payload: mail,
  giveUpAfterMs,
})

function rowOf(ring: KeyEncryptionRing, { kind, onceKey, payload, giveUpAfterMs }: NewWork) {
  const id = randomUUID()
  const { box, keyId } = ring.encrypt(Buffer.from(JSON.stringify(payload)), bindingOf({ id, kind }))
  const sealed = { payload: box.toString('base64'), encrypted_by: keyId }
  return { id, kind, once_key: onceKey, ...sealed, give_up_after: giveUpAfterMs }
}

function claimedOf(ring: () => KeyEncryptionRing, row: OutboxRow): Claimed {
  const claimedAt = performance.now()
  return {
    id: row.id,
    kind: row.kind,
    tries: row.tries,
    createdAt: row.created_at,
    left: () => row.left_ms - (performance.now() - claimedAt),
    open: (): unknown => JSON.parse((isPlain(row) ? row.payload : unboxed(ring(), row)).toString()),
  }
}

/** Logouts are stored unencrypted, since `devices` says the same in plain text. A plain row of any other kind is a fault. */
const isPlain = ({ encrypted_by: by, kind }: OutboxRow): boolean =>
  by === '' && kind === ('backchannel-logout' satisfies WorkKind)

const unboxed = (ring: KeyEncryptionRing, row: OutboxRow): Buffer =>
  ring.decrypt(row.payload, row.encrypted_by, bindingOf(row))

/** A box does not open in another row. */
const bindingOf = ({ id, kind }: { id: string; kind: string }): string => `outbox:${kind}:${id}`
