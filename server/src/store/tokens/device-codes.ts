// Sign-ins of devices (RFC 8628). The database decides: who guesses how often, which device asks too fast, and who allows or refuses a
// code first. The clock is the database's, the same for every replica.
import { addressBlock, widerBlockPrefix } from '../audit/address-block.ts'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { jsonColumn } from '../driver/json-column.ts'
import { fromNow, statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

/** Shape of the payload: oidc's own. */
type Payload = Readonly<Record<string, unknown>>

export interface StoredDeviceCode {
  readonly id: string
  readonly clientUid: string
  readonly payload: Payload
  readonly expiresAt: Date
}

export interface NewDeviceCode extends Omit<StoredDeviceCode, 'expiresAt'> {
  /** Milliseconds. */
  readonly lifeMs: number
  /** As the person types it, without hyphen. */
  readonly userCode: string
  /** Of the device; undefined where addresses are unknown. */
  readonly address: string | undefined
}

export type Guess =
  | { readonly kind: 'found'; readonly code: StoredDeviceCode }
  /** No such code, or it has expired, or somebody has decided on it. */
  | { readonly kind: 'unknown' }
  /** Too many wrong codes came from there: nothing was looked up. */
  | { readonly kind: 'blocked'; readonly waitSeconds: number }

export interface DeviceCodes {
  /** @returns `too-many`: of this client, or from this address or its wider block, too many are open; `taken`: the user code is one of another device */
  insert(code: NewDeviceCode): Promise<'stored' | 'too-many' | 'taken'>
  /** Looks a user code up. A wrong one counts against the address, over all replicas; a right one does not.
   *  @param address undefined where addresses are unknown: then all count together, with a higher limit */
  guess(userCode: string, address: string | undefined): Promise<Guess>
  /** The code, while it is neither decided nor expired. */
  findOpen(id: string): Promise<StoredDeviceCode | undefined>
  /** The code as its device asks for it, also when it is decided or has expired. Of n polls at once one is not too fast, and none waits for another.
   *  @returns undefined when there is none, or it is of another client */
  poll(id: string, clientUid: string): Promise<{ readonly payload: Payload; readonly isTooFast: boolean } | undefined>
  /** @returns false when it was decided before, or has expired: nothing was changed */
  refuse(id: string, payload: Payload, audit: readonly AuditEvent[]): Promise<boolean>
}

/** What may be open at once. Of one client, nobody with a /48 of IPv6 may use up what is for all. As many as the replicas have connections may pass it
 *  at one moment: to hold it exactly, all devices of a client would wait for one row. */
const most = { ofClient: 5000, ofClientAndWiderBlock: 300, ofAddress: 100 }
/** Wrong codes of one address; with 8 letters out of 20, nobody gets far. Milliseconds. */
const guessLimits = { ofAddress: 30, windowMs: 15 * 60_000 }
/** The same of all, where addresses are unknown: enough for people, and for nobody who guesses. */
const unknownAddress = { most: 600, windowMs: 60_000 }

/** Seconds by which a device that asks too fast has to slow down (RFC 8628 section 3.5), and the longest wait that comes of it. */
const slower = 5
const slowest = 60
/** Seconds by which a poll may be early: networks are not even. */
const early = 1

const isOpen = (row: string): string => `${row}.decided_at IS NULL AND ${row}.expires_at > now()`
const put = statement<{ free: boolean; stored: boolean }>(
  'device-code-put',
  `WITH of_client AS (
     SELECT count(*) AS whole, count(*) FILTER (WHERE starts_with(address, $9::text)) AS wider
     FROM (SELECT address FROM device_codes WHERE client_uid = $3 AND expires_at > now() LIMIT $7) open),
   room AS (
     SELECT whole < $7 AND wider < $10 AND ($4::text IS NULL
         OR (SELECT count(*) FROM (SELECT FROM device_codes WHERE address = $4 AND expires_at > now() LIMIT $8) open) < $8) AS free
     FROM of_client),
   stored AS (
     INSERT INTO device_codes (id, user_code, client_uid, address, payload, expires_at)
     SELECT $1, $2, $3, $4, $5::jsonb, ${fromNow('$6')} FROM room WHERE free ON CONFLICT DO NOTHING RETURNING id)
   SELECT free, EXISTS (SELECT FROM stored) AS stored FROM room`,
)
const isOver = 'attempts.until <= clock_timestamp()'
const ahead = (milliseconds: string) => `clock_timestamp() + ${milliseconds}::float8 * interval '1 millisecond'`
// the guess is counted before the answer is known: of n at once, no more than the limit are looked up
const guess = statement<{ allowed: boolean; wait: number | null } & (Row | { id: null })>(
  'device-code-guess',
  `WITH counted AS (
     INSERT INTO attempts (key, count, until) VALUES ($2, 1, ${ahead('$4')})
     ON CONFLICT (key) DO UPDATE SET
       count = CASE WHEN ${isOver} THEN 1 ELSE attempts.count + 1 END,
       until = CASE WHEN ${isOver} THEN ${ahead('$4')} ELSE attempts.until END
     WHERE ${isOver} OR attempts.count < $3
     RETURNING count)
   SELECT EXISTS (SELECT FROM counted) AS allowed,
     (SELECT ceil(extract(epoch FROM until - clock_timestamp()))::integer FROM attempts WHERE key = $2) AS wait, d.*
   FROM (SELECT) one LEFT JOIN device_codes d
     ON d.user_code = $1 AND ${isOpen('d')} AND EXISTS (SELECT FROM counted)`,
)
const wasRight = statement('device-code-right', 'UPDATE attempts SET count = count - 1 WHERE key = $1 AND count > 0')
const findOpen = statement<Row>('device-code-find', `SELECT * FROM device_codes d WHERE id = $1 AND ${isOpen('d')}`)
// Nobody waits for a row here: of polls at once, all but the one that has it are too fast. A poll that is too fast and can be slowed down no
// further is only read, so that whoever asks all the time writes nothing.
const isFast = `coalesce(polled_at > now() - (poll_every - ${early}) * interval '1 second', false)`
const poll = statement<{ payload: unknown; is_too_fast: boolean }>(
  'device-code-poll',
  `WITH held AS (SELECT id, payload, poll_every, ${isOpen('device_codes')} AS waits, ${isFast} AS fast
     FROM device_codes WHERE id = $1 AND client_uid = $2 AND NOT (${isFast} AND poll_every >= ${slowest}) FOR UPDATE SKIP LOCKED),
   polled AS (UPDATE device_codes d SET polled_at = now(),
       poll_every = CASE WHEN held.fast THEN least(held.poll_every + ${slower}, ${slowest}) ELSE held.poll_every END
     FROM held WHERE d.id = held.id AND held.waits)
   SELECT coalesce(held.payload, seen.payload) AS payload, coalesce(held.waits AND held.fast, seen.waits) AS is_too_fast
   FROM (SELECT payload, ${isOpen('device_codes')} AS waits FROM device_codes WHERE id = $1 AND client_uid = $2) seen LEFT JOIN held ON true`,
)
const refuse = statement(
  'device-code-refuse',
  `WITH refused AS (UPDATE device_codes SET payload = $2::jsonb, decided_at = now()
     WHERE id = $1 AND ${isOpen('device_codes')} RETURNING id),
   ${audited('refused')}
   SELECT id FROM refused`,
)
/** The CTE `allowed`: allows a code once. @param parameters id and payload; @param when SQL */
export const allowDeviceCode = ([id, payload]: readonly [string, string], when: string): string =>
  `allowed AS (UPDATE device_codes SET payload = ${payload}::jsonb, decided_at = now()
     WHERE id = ${id}::text AND ${isOpen('device_codes')} AND ${when} RETURNING id)`

interface Row {
  readonly id: string
  readonly client_uid: string
  readonly payload: unknown
  readonly expires_at: Date
}

export function createDeviceCodes(needs: { database: Connection; audit: AuditRows }): DeviceCodes {
  const { database } = needs
  return {
    async insert({ id, userCode, clientUid, address, payload, lifeMs }) {
      const block = address === undefined ? null : addressBlock(address)
      const wider = address === undefined ? null : (widerBlockPrefix(address) ?? null)
      const limits = [most.ofClient, most.ofAddress, wider, most.ofClientAndWiderBlock]
      const values = [id, userCode, clientUid, block, JSON.stringify(payload), lifeMs, ...limits]
      const row = (await database.query(put, values))[0]!
      if (row.stored) return 'stored'
      return row.free ? 'taken' : 'too-many'
    },
    async guess(userCode, address) {
      const { key, limit, windowMs } =
        address === undefined
          ? { key: 'd:?', limit: unknownAddress.most, windowMs: unknownAddress.windowMs }
          : { key: `d:${addressBlock(address)}`, limit: guessLimits.ofAddress, windowMs: guessLimits.windowMs }
      const row = (await database.query(guess, [userCode, key, limit, windowMs]))[0]!
      if (!row.allowed) return { kind: 'blocked', waitSeconds: Math.max(1, row.wait ?? 1) }
      if (row.id === null) return { kind: 'unknown' }
      await database.query(wasRight, [key])
      return { kind: 'found', code: codeOf(row) }
    },
    findOpen: async (id) => (await database.query(findOpen, [id])).map(codeOf)[0],
    async poll(id, clientUid) {
      const [row] = await database.query(poll, [id, clientUid])
      return row && { payload: jsonColumn(row.payload, 'device_codes', id), isTooFast: row.is_too_fast }
    },
    async refuse(id, payload, events) {
      const isDone = (await runAudited(needs, refuse, [id, JSON.stringify(payload)], events)).length === 1
      return isDone
    },
  }
}

const codeOf = (row: Row): StoredDeviceCode => ({
  id: row.id,
  clientUid: row.client_uid,
  payload: jsonColumn(row.payload, 'device_codes', row.id),
  expiresAt: new Date(row.expires_at),
})
