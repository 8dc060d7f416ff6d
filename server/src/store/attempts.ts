// Counters of sign-in attempts: the same on every replica, by the database's clock, and lost with no process.
import { createHash } from 'node:crypto'
import { canonicalName } from './canonical-name.ts'
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'
import { userOf } from './users.ts'
import type { User, UserRow } from './users.ts'

export interface AttemptLimits {
  /** Failed attempts that an account may have within a window; the next one waits for the lock to end. */
  readonly perAccount: number
  readonly perAddress: number
  /** Milliseconds. */
  readonly windowMs: number
  readonly lockMs: number
}

export const defaultAttemptLimits: AttemptLimits = {
  perAccount: 10,
  perAddress: 100,
  windowMs: 900_000,
  lockMs: 900_000,
}

/** What an attempt was counted under. */
export interface AttemptKeys {
  readonly account: string
  readonly address: string
}

export type Reservation =
  /** Counted as if it would fail; a success clears it. `user` is undefined when the name is unknown. */
  | {
      readonly kind: 'allowed'
      readonly keys: AttemptKeys
      readonly user: User | undefined
      readonly passwordHash: string | undefined
    }
  /** Locked accounts and unknown names look alike. */
  | {
      readonly kind: 'locked'
      readonly keys: AttemptKeys
      readonly user: User | undefined
      readonly retryAfterSeconds: number
    }
  /** Too many failures from this address; the account's counter was left alone, or a flood would lock people out. */
  | { readonly kind: 'address-locked'; readonly keys: AttemptKeys; readonly retryAfterSeconds: number }

export interface Attempts {
  /** Counts first and looks after, in one statement: n parallel attempts at a limit of m let m through.
   *  @param address of the peer; an IPv6 address counts by its /64 */
  reserve(attempt: { login: string; address: string }): Promise<Reservation>
  /** The attempt succeeded: forgets the account's failures and this one of the address. */
  clear(keys: AttemptKeys): Promise<void>
}

const counted = (limit: string) => `
  count = CASE WHEN attempts.until <= clock_timestamp() THEN 1 ELSE attempts.count + 1 END,
  until = CASE
    WHEN attempts.until <= clock_timestamp() THEN clock_timestamp() + $6::float8 * interval '1 millisecond'
    WHEN attempts.count + 1 = ${limit} THEN clock_timestamp() + $7::float8 * interval '1 millisecond'
    ELSE attempts.until END
  RETURNING attempts.key, attempts.count, ceil(extract(epoch FROM attempts.until - clock_timestamp()))::integer AS wait`
const reserve = statement(
  'attempt-reserve',
  `WITH found AS (SELECT u.*, k.password_hash FROM users u LEFT JOIN credentials k ON k.user_id = u.id
     WHERE u.canonical_username = $1 OR u.canonical_email = $1),
   by_address AS (INSERT INTO attempts (key, count, until) VALUES ($3, 1, clock_timestamp() + $6::float8 * interval '1 millisecond')
     ON CONFLICT (key) DO UPDATE SET ${counted('$5')}),
   by_account AS (INSERT INTO attempts (key, count, until)
     SELECT coalesce('u:' || (SELECT id FROM found), $2), 1, clock_timestamp() + $6::float8 * interval '1 millisecond'
     FROM by_address WHERE by_address.count <= $5
     ON CONFLICT (key) DO UPDATE SET ${counted('$4')})
   SELECT by_address.count AS address_count, by_address.wait AS address_wait, by_account.key AS account_key,
     by_account.count AS account_count, by_account.wait AS account_wait, u.*,
     coalesce((SELECT array_agg(g.name ORDER BY g.name) FROM group_members m JOIN groups g ON g.id = m.group_id WHERE m.user_id = u.id), '{}') AS groups
   FROM by_address LEFT JOIN by_account ON true LEFT JOIN found u ON true`,
)
const clear = statement(
  'attempt-clear',
  `WITH cleared AS (DELETE FROM attempts WHERE key = $1)
   UPDATE attempts SET count = count - 1 WHERE key = $2 AND count > 0`,
)

type ReserveRow = {
  address_count: number
  address_wait: number
  account_key: string | null
  account_count: number | null
  account_wait: number | null
  password_hash: string | null
} & { [Column in keyof UserRow]: UserRow[Column] | null }

export function createAttempts(needs: { database: Connection; limits?: AttemptLimits }): Attempts {
  const { database, limits = defaultAttemptLimits } = needs
  return {
    async reserve({ login, address }) {
      const canonical = canonicalName(login)
      const addressKey = `a:${addressBlock(address)}`
      const unknownKey = `n:${createHash('sha256').update(canonical).digest('base64url')}`
      const values = [
        canonical,
        unknownKey,
        addressKey,
        limits.perAccount,
        limits.perAddress,
        limits.windowMs,
        limits.lockMs,
      ]
      const row = (await database.query<ReserveRow>(reserve, values))[0]!
      const keys = { account: row.account_key ?? unknownKey, address: addressKey }
      if (row.account_count === null) {
        return { kind: 'address-locked', keys, retryAfterSeconds: Math.max(1, row.address_wait) }
      }
      const user = row.id === null ? undefined : userOf(row as unknown as UserRow)
      if (row.account_count > limits.perAccount) {
        return { kind: 'locked', keys, user, retryAfterSeconds: Math.max(1, row.account_wait ?? 1) }
      }
      return { kind: 'allowed', keys, user, passwordHash: row.password_hash ?? undefined }
    },
    clear: async (keys) => {
      await database.query(clear, [keys.account, keys.address])
    },
  }
}

/** An IPv6 host has a whole /64 to itself, so that is what counts as one address; a mapped IPv4 address is the IPv4 one. */
export function addressBlock(address: string): string {
  const bare = address.replace(/%.*$/, '').toLowerCase()
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)
  if (mapped !== null) return mapped[1]!
  if (!bare.includes(':')) return bare
  const [head = '', tail] = bare.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  const block = [...left, ...zeros, ...right].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''))
  return `${block.join(':')}::/64`
}
