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

/** What an attempt was counted under. */
export interface AttemptKeys {
  readonly account: string
  readonly address: string
}

export interface AttemptCount {
  readonly keys: AttemptKeys
  /** Undefined when the name is unknown. */
  readonly user: User | undefined
  readonly passwordHash: string | undefined
  readonly address: Counter
  /** Undefined when the address is over its limit: then no account was counted, or a flood would lock people out. */
  readonly account: Counter | undefined
}

export interface Counter {
  /** This attempt included. */
  readonly count: number
  /** Until the counter starts anew. */
  readonly waitSeconds: number
}

export interface Attempts {
  /** Counts as if the attempt failed, and looks the account up, in one statement: of n parallel attempts at a limit of m, m read
   *  a count within it. A success takes it back with `clear` (or `signIns.finish`).
   *  @param attempt.login user name or e-mail address in any spelling: all spellings of one account count together
   *  @param attempt.address of the peer; an IPv6 address counts by its /64 */
  count(attempt: { login: string; address: string; limits: AttemptLimits }): Promise<AttemptCount>
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
const count = statement(
  'attempt-count',
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

type CountRow = {
  address_count: number
  address_wait: number
  account_key: string | null
  account_count: number | null
  account_wait: number | null
  password_hash: string | null
} & { [Column in keyof UserRow]: UserRow[Column] | null }

export function createAttempts(needs: { database: Connection }): Attempts {
  const { database } = needs
  return {
    async count({ login, address, limits }) {
      const canonical = canonicalName(login)
      const addressKey = `a:${addressBlock(address)}`
      const unknownKey = `n:${createHash('sha256').update(canonical).digest('base64url')}`
      const { perAccount, perAddress, windowMs, lockMs } = limits
      const values = [canonical, unknownKey, addressKey, perAccount, perAddress, windowMs, lockMs]
      const row = (await database.query<CountRow>(count, values))[0]!
      return {
        keys: { account: row.account_key ?? unknownKey, address: addressKey },
        user: row.id === null ? undefined : userOf(row as unknown as UserRow),
        passwordHash: row.password_hash ?? undefined,
        address: { count: row.address_count, waitSeconds: row.address_wait },
        account: row.account_count === null ? undefined : { count: row.account_count, waitSeconds: row.account_wait! },
      }
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
