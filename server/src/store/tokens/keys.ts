// The keys that every replica shares (for signing, cookies, sealing). Each is encrypted with the ring and bound to its row.
import type { CodedError } from '@nauthera/runtime/coded-error'
import { auditInsert } from '../audit/audit-rows.ts'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { KeyEncryptionRing } from '../driver/envelope.ts'
import { reencryptRows } from '../driver/sealed-rows.ts'
import type { Reencrypted, SealedRow } from '../driver/sealed-rows.ts'
import { statement } from '../driver/database.ts'
import type { Connection, Database, Listening } from '../driver/database.ts'

/** What may be shown of a key. */
export interface KeySummary {
  readonly id: string
  /** What it is for, such as `sig` or `cookie`. */
  readonly use: string
  readonly alg: string
  readonly publicJwk: Readonly<Record<string, unknown>> | undefined
  readonly createdAt: Date
  readonly activeAt: Date
  readonly retireAt: Date | undefined
  readonly removeAt: Date | undefined
  /** The key-encryption key. */
  readonly encryptedBy: string
}

export interface StoredKey extends KeySummary {
  /** The private part, not encrypted: never log it. */
  readonly secret: Buffer
}

/** A key whose row does not open here: it is damaged, or the ring lacks its key or has other bytes under its id. */
export interface UnreadableKey extends KeySummary {
  readonly fault: CodedError
}

export type NewKey = Omit<StoredKey, 'createdAt' | 'encryptedBy' | 'secret'> & { readonly secret: Uint8Array }

/** All rows, in the order in which they were made. One that does not open keeps no other one from being read. */
export interface KeyList {
  readonly opened: readonly StoredKey[]
  readonly unreadable: readonly UnreadableKey[]
  /** When they were read, by the clock of the database, in epoch milliseconds. Whatever is planned for the rows takes no other time: each
   *  replica plans for all. */
  readonly at: number
}

export interface Keys {
  list(): Promise<KeyList>
  /** Decrypts nothing. */
  summaries(): Promise<KeySummary[]>
  /** Runs the work in one transaction, on one replica at a time. The commit notifies the others. */
  underLock<T>(work: (keys: KeyWriter) => Promise<T>): Promise<T>
  /** Encrypts again each row that the current key of the ring does not encrypt, and leaves those that do not open. */
  reencrypt(audit: readonly AuditEvent[]): Promise<Reencrypted>
  /** Tells the audit log that keys became active: of all replicas that tell it, the first is heard. */
  recordActive(keys: readonly Pick<KeySummary, 'id' | 'use' | 'alg'>[]): Promise<void>
  /** Calls back when a replica has changed a key, and when a lost connection is back. */
  onChange(changed: () => void): Promise<Listening>
}

export interface KeyWriter {
  list(): Promise<KeyList>
  insert(key: NewKey, audit?: readonly AuditEvent[]): Promise<void>
  setTimes(
    id: string,
    times: { activeAt: Date; retireAt: Date | undefined; removeAt: Date | undefined },
    audit?: readonly AuditEvent[],
  ): Promise<void>
  remove(id: string, audit?: readonly AuditEvent[]): Promise<void>
}

const channel = 'nauthera_keys'
/** Any number that no other advisory lock of the database has. */
const lockNumber = 4_201_001

const lock = statement('key-lock', 'SELECT pg_advisory_xact_lock($1::bigint)')
const notify = statement('key-notify', `SELECT pg_notify('${channel}', '')`)
// every replica looks now and then, whatever is asked of it
const list = statement<ListRow>(
  'key-list',
  'SELECT k.*, clock_timestamp() AS at FROM (SELECT) one LEFT JOIN keys k ON true ORDER BY k.created_at, k.id',
  { batched: true },
)
const insert = statement(
  'key-insert',
  `WITH new AS (INSERT INTO keys (id, use, alg, public_jwk, secret, encrypted_by, active_at, retire_at, remove_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)),
   ${audited()}
   SELECT`,
)
const setTimes = statement(
  'key-set-times',
  `WITH changed AS (UPDATE keys SET active_at = $2, retire_at = $3, remove_at = $4 WHERE id = $1 RETURNING id),
   ${audited('changed')}
   SELECT id FROM changed`,
)
const remove = statement(
  'key-remove',
  `WITH gone AS (DELETE FROM keys WHERE id = $1 RETURNING id),
   ${audited('gone')}
   SELECT id FROM gone`,
)
const setSecret = statement(
  'key-set-secret',
  `WITH changed AS (UPDATE keys SET secret = $2, encrypted_by = $3 WHERE id = $1 RETURNING id),
   ${audited('changed')}
   SELECT id FROM changed`,
)
/** The mark stays longer than any key. */
const tellActive = statement<{ id: string }>(
  'key-tell-active',
  `WITH first AS (INSERT INTO one_time (kind, id, expires_at) SELECT 'key-active', id, now() + interval '20 years'
     FROM unnest($1::text[]) id ON CONFLICT DO NOTHING RETURNING id),
   written AS (${auditInsert('$2', ` WHERE e.detail ->> 'key' IN (SELECT id FROM first)`)})
   SELECT id FROM first`,
)

interface KeyRow {
  readonly id: string
  readonly use: string
  readonly alg: string
  readonly public_jwk: Record<string, unknown> | null
  readonly secret: Buffer
  readonly encrypted_by: string
  readonly created_at: Date
  readonly active_at: Date
  readonly retire_at: Date | null
  readonly remove_at: Date | null
}

/** Without keys there is one row, which has the time. */
type ListRow = (KeyRow | { readonly id: null }) & { readonly at: Date }

interface Bound {
  readonly database: Connection
  readonly audit: AuditRows
}

export function createKeys(needs: { database: Database; ring: KeyEncryptionRing; audit: AuditRows }): Keys {
  const { database, ring, audit } = needs

  const read = async (connection: Connection): Promise<KeyList> => {
    const rows = await connection.query(list)
    const [opened, unreadable]: [StoredKey[], UnreadableKey[]] = [[], []]
    for (const row of rows.filter(isKey)) {
      const summary = summaryOf(row)
      const found = isCut(summary) ? { plain: Buffer.alloc(0) } : ring.open(sealedOf(row))
      if ('fault' in found) unreadable.push({ ...summary, fault: found.fault })
      else opened.push({ ...summary, secret: found.plain })
    }
    return { opened, unreadable, at: rows[0]!.at.getTime() }
  }

  /** Lines are written after the commit. */
  const underLock = async <T>(work: (bound: Bound) => Promise<T>): Promise<T> => {
    const { result, told } = await database.transaction(async (connection) => {
      await connection.query(lock, [lockNumber])
      const events: AuditEvent[] = []
      const lines = (more: readonly AuditEvent[]) => void events.push(...more)
      const done = await work({ database: connection, audit: { rows: (one) => audit.rows(one), lines } })
      await connection.query(notify)
      return { result: done, told: events }
    })
    audit.lines(told)
    return result
  }

  const writer = (bound: Bound): KeyWriter => ({
    list: () => read(bound.database),
    async insert(key, events = []) {
      const { box, keyId } = ring.encrypt(key.secret, bindingOf(key))
      const jwk = key.publicJwk === undefined ? null : JSON.stringify(key.publicJwk)
      const times = [key.activeAt, key.retireAt ?? null, key.removeAt ?? null]
      await runAudited(bound, insert, [key.id, key.use, key.alg, jwk, box, keyId, ...times], events)
    },
    async setTimes(id, times, events = []) {
      const values = [id, times.activeAt, times.retireAt ?? null, times.removeAt ?? null]
      await runAudited(bound, setTimes, values, events)
    },
    async remove(id, events = []) {
      await runAudited(bound, remove, [id], events)
    },
  })

  return {
    list: () => read(database),
    summaries: async () => (await database.query(list)).filter(isKey).map(summaryOf),
    underLock: (work) => underLock((bound) => work(writer(bound))),
    async recordActive(keys) {
      const events = keys.map(({ id, use, alg }) => activated({ key: id, use, alg }))
      const ids = keys.map(({ id }) => id)
      const first = await database.query(tellActive, [ids, audit.rows(events)])
      audit.lines(events.filter(({ detail }) => first.some(({ id }) => id === detail['key'])))
    },
    reencrypt: (events) =>
      underLock(async (bound) =>
        reencryptRows(ring, {
          async page(after, but) {
            if (after !== undefined) return []
            const rows = (await bound.database.query(list)).filter(isKey).filter((row) => !isCut(summaryOf(row)))
            return rows.map(sealedOf).filter(({ keyId }) => keyId !== but)
          },
          async replace({ id }, box, keyId) {
            await runAudited(bound, setSecret, [id, box, keyId], events)
          },
        }),
      ),
    onChange: (changed) => database.listen(channel, changed),
  }
}

/** Whether a key of a file was cut off (`nauthera keys rotate --now --cut`). Its row stays, so that no file brings it back: it is a mark, with
 *  nothing to open. */
export const isCut = ({ use, retireAt }: Pick<KeySummary, 'use' | 'retireAt'>): boolean =>
  use === 'file' && retireAt !== undefined

/** What a box is bound to: it does not open in another row, nor when the row's use or alg was changed. */
const bindingOf = (key: { id: string; use: string; alg: string }): string => `keys:${key.id}:${key.use}:${key.alg}`

const isKey = (row: ListRow): row is KeyRow & { readonly at: Date } => row.id !== null

const sealedOf = (row: KeyRow): SealedRow => ({
  id: row.id,
  box: row.secret,
  keyId: row.encrypted_by,
  boundTo: bindingOf(row),
})

const summaryOf = (row: KeyRow): KeySummary => ({
  id: row.id,
  use: row.use,
  alg: row.alg,
  publicJwk: row.public_jwk ?? undefined,
  createdAt: row.created_at,
  activeAt: row.active_at,
  retireAt: row.retire_at ?? undefined,
  removeAt: row.remove_at ?? undefined,
  encryptedBy: row.encrypted_by,
})

const activated = (detail: { key: string; use: string; alg: string }) =>
  ({ event: 'key.activated', outcome: 'success', detail }) as const
