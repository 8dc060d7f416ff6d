// Counters of failed sign-ins; factors.ts has those of wrong codes. They are in the database, by its clock: every replica sees the same ones, and a restart loses none.
import { createHash } from 'node:crypto'
import type { FactorKind } from '../../factor-kind.ts'
import { addressBlock } from '../audit/address-block.ts'
import type { Mail } from '../../mails.ts'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { canonicalName } from './canonical-name.ts'
import { consentOf } from './consents.ts'
import type { Consent, ConsentRow } from './consents.ts'
import { outboxInsert } from '../outbox/outbox-rows.ts'
import type { OutboxRows } from '../outbox/outbox-rows.ts'
import { livePlaces } from '../tokens/places.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'
import { factorKinds, standing } from './standing.ts'
import { groupsOf, preferencesOf, sourceOf, userOf } from './user.ts'
import type { User, UserRow } from './user.ts'

export interface AttemptLimits {
  /** Failed attempts of an account within a window that lock it. */
  readonly perAccount: number
  readonly perAddress: number
  /** Milliseconds. */
  readonly windowMs: number
  readonly lockMs: number
}

/** Under which account and address an attempt counts, and the places that it took there. */
export interface AttemptKeys {
  readonly account: string
  readonly address: string
  /** Undefined when no place was free. */
  readonly accountPlace?: string | undefined
  readonly addressPlace?: string | undefined
  /** The counter of the account that a source found by another of its names; forgotten with the first one. */
  readonly found?: string | undefined
}

/** The counter of an account that a source found. */
export interface FoundAttempt {
  /** As those of an attempt without an address. */
  readonly keys: AttemptKeys
  /** Our record of the person; undefined when there is none yet. */
  readonly user: User | undefined
}

export interface BegunAttempt {
  readonly keys: AttemptKeys
  /** Undefined when the name is unknown. */
  readonly user: User | undefined
  readonly passwordHash: string | undefined
  /** The user's standing at the time of this password hash. */
  readonly standing: string | undefined
  /** The kinds of the user's second factors. */
  readonly factors: readonly FactorKind[]
  /** What the user allowed the client that the attempt is for. */
  readonly consent: Consent | undefined
  /** How long an address without a free place has to wait. */
  readonly waitSeconds: number
}

export interface Attempts {
  /** Takes a place of the account and of the address, and looks the account up, in one statement. Failures and places
   *  together stay within the limit: of n parallel attempts at a limit of m, m get a place. A place ends when its attempt
   *  fails (then it is a failure), when the sign-in is finished (`clear`, `signIns.finish`), or after 20 s. An attempt with the
   *  right password is never counted as a failure, whether its sign-in is finished or not.
   *  @param attempt.login user name or e-mail address in any spelling: all spellings of one account count together
   *  @param attempt.address of the peer; an IPv6 address counts by its /64. An address without a free place takes none of
   *  the account either: else a flood would lock people out. Undefined where addresses are unknown: then each login counts as
   *  an address of its own
   *  @param attempt.clientUid the client that the sign-in is for */
  start(attempt: {
    login: string
    address: string | undefined
    limits: AttemptLimits
    clientUid?: string | undefined
  }): Promise<BegunAttempt>
  /** Takes a place of the account that a source found under a name that none of our records has: however many names a person has there, the
   *  failures under all of them count together.
   *  @param found.key the source's own lasting name of the person */
  startFound(found: { source: string; key: string; limits: AttemptLimits }): Promise<FoundAttempt>
  /** The attempt failed: its places become failures. Without places nothing is counted, in the same time.
   *  @param locked queued when this failure locks the account: once for each lock */
  fail(keys: AttemptKeys, limits: AttemptLimits, locked?: Mail): Promise<void>
  /** The attempt got no answer: its places are free again, and nothing is counted. */
  release(keys: AttemptKeys): Promise<void>
  /** The sign-in is finished: forgets the account's failures, and frees the place of the address. */
  clear(keys: AttemptKeys): Promise<void>
  /** @returns the failures of an account that still count; undefined when there are none */
  failuresOf(userId: string): Promise<FailuresOfPerson>
  /** Forgets the failures of an account, so that a locked one can sign in again. @returns whether there were any */
  unlock(userId: string, audit: readonly AuditEvent[]): Promise<boolean>
}

export interface FailuresOfPerson {
  /** Failed attempts to sign in. */
  readonly signIns: Failures | undefined
  /** Wrong codes of a second factor. */
  readonly codes: Failures | undefined
}

export interface Failures {
  readonly count: number
  /** When they are forgotten; when there are so many that something is locked, the end of the lock. */
  readonly until: Date
}

/** Milliseconds after which a place ends: longer than any password waits and is checked. */
const placeFor = 20_000

const isOver = 'attempts.until <= clock_timestamp()'
const ahead = (milliseconds: string) => `clock_timestamp() + ${milliseconds} * interval '1 millisecond'`
const take = (limit: string) => `
  ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN ${isOver} THEN 0 ELSE attempts.count END,
    until = CASE WHEN ${isOver} THEN ${ahead('$windowMs::float8')} ELSE attempts.until END,
    places = ${livePlaces} || (${ahead(String(placeFor))})
  WHERE CASE WHEN ${isOver} THEN 0 ELSE attempts.count END + cardinality(${livePlaces}) < ${limit}
  RETURNING attempts.places[cardinality(attempts.places)]::text AS place`
const begin = statement<BegunRow>(
  'attempt-begin',
  `WITH found AS (SELECT u.*, k.password_hash FROM users u LEFT JOIN credentials k ON k.user_id = u.id
     WHERE u.canonical_username = $login OR u.canonical_email = $login),
   by_address AS (INSERT INTO attempts (key, count, until, places)
     VALUES ($addressKey, 0, ${ahead('$windowMs::float8')}, ARRAY[${ahead(String(placeFor))}])${take('$perAddress')}),
   by_account AS (INSERT INTO attempts (key, count, until, places)
     SELECT coalesce('u:' || (SELECT id FROM found), $unknownKey), 0, ${ahead('$windowMs::float8')}, ARRAY[${ahead(String(placeFor))}]
     FROM by_address${take('$perAccount')})
   SELECT by_address.place AS address_place, by_account.place AS account_place,
     coalesce('u:' || u.id, $unknownKey) AS account_key,
     CASE WHEN by_address.place IS NULL THEN
       (SELECT CASE WHEN count >= $perAddress THEN ceil(extract(epoch FROM until - clock_timestamp()))::integer ELSE ${placeFor / 1000} END
        FROM attempts WHERE key = $addressKey) END AS address_wait, u.*, ${standing} AS standing, ${factorKinds}, ${sourceOf}, ${groupsOf}, ${preferencesOf},
     (SELECT to_jsonb(c) FROM consents c WHERE c.user_id = u.id AND c.client_uid = $clientUid) AS consent_row
   FROM (VALUES (1)) AS one (row) LEFT JOIN by_address ON true LEFT JOIN by_account ON true LEFT JOIN found u ON true`,
)
const beginFound = statement<FoundRow>(
  'attempt-begin-found',
  `WITH found AS (SELECT u.* FROM user_sources s JOIN users u ON u.id = s.user_id WHERE s.source = $source AND s.source_key = $key),
   by_account AS (INSERT INTO attempts (key, count, until, places)
     SELECT coalesce('u:' || (SELECT id FROM found), $unknownKey), 0, ${ahead('$windowMs::float8')}, ARRAY[${ahead(String(placeFor))}]${take('$perAccount')})
   SELECT by_account.place AS account_place, coalesce('u:' || u.id, $unknownKey) AS account_key, u.*, ${sourceOf}, ${groupsOf}
   FROM (VALUES (1)) AS one (row) LEFT JOIN by_account ON true LEFT JOIN found u ON true`,
)
const without = (place: string) => `places = array_remove(attempts.places, ${place}::timestamptz)`
const failed = (place: string, limit: string) => `
  count = CASE WHEN ${place}::timestamptz IS NULL THEN attempts.count WHEN ${isOver} THEN 1 ELSE attempts.count + 1 END,
  until = CASE
    WHEN ${place}::timestamptz IS NULL THEN attempts.until
    WHEN NOT ${isOver} AND attempts.count + 1 = ${limit} THEN ${ahead('$lockMs::float8')}
    WHEN ${isOver} OR attempts.count = 0 THEN ${ahead('$windowMs::float8')}
    ELSE attempts.until END,
  ${without(place)}`
// every statement that needs both rows locks the address first, so that no two wait for each other
const fail = statement(
  'attempt-fail',
  `WITH by_address AS (UPDATE attempts SET ${failed('$addressPlace', '$perAddress')} WHERE key = $address RETURNING key),
   by_account AS (UPDATE attempts SET ${failed('$accountPlace', '$perAccount')} WHERE key = $account AND (SELECT count(*) FROM by_address) >= 0
     RETURNING count),
   mail AS (${outboxInsert('$mails', ' WHERE $accountPlace::timestamptz IS NOT NULL AND EXISTS (SELECT FROM by_account WHERE count = $perAccount::integer)')})
   SELECT`,
)
/** Nothing is left to count when the place is free: no failure, and no other place. */
const isEmptied = (place: string): string =>
  `count = 0 AND cardinality(array_remove(places, ${place}::timestamptz)) = 0`
// such a row goes: names can be made up faster than attempts are answered
const release = statement(
  'attempt-release',
  `WITH address_emptied AS (DELETE FROM attempts WHERE key = $address AND ${isEmptied('$addressPlace')} RETURNING key),
   by_address AS (UPDATE attempts SET ${without('$addressPlace')}
     WHERE key = $address AND NOT EXISTS (SELECT FROM address_emptied) RETURNING key),
   account_emptied AS (DELETE FROM attempts
     WHERE key = $account AND (SELECT count(*) FROM by_address) >= 0 AND ${isEmptied('$accountPlace')} RETURNING key)
   UPDATE attempts SET ${without('$accountPlace')} WHERE key = $account AND NOT EXISTS (SELECT FROM account_emptied)`,
)
/** The CTEs `forgiven` and `cleared`, with the parameters of `keyValues`. @param when SQL */
export const clearAttempts = (when: string): string =>
  `forgiven AS (UPDATE attempts SET ${without('$addressPlace')}
     WHERE key = $address AND ${when} RETURNING key),
   cleared AS (DELETE FROM attempts WHERE key IN ($account, $found) AND ${when} AND (SELECT count(*) FROM forgiven) >= 0)`

export const keyValues = ({ account, address, accountPlace, addressPlace, found }: AttemptKeys) => ({
  account,
  address,
  accountPlace,
  addressPlace,
  found,
})
const failuresOf = statement<Failures & { key: string }>(
  'attempt-failures-of',
  'SELECT key, count, until FROM attempts WHERE key IN ($signIns, $codes) AND count > 0 AND until > clock_timestamp()',
)
/** The CTE `unlocked`. @param userId SQL; @param when SQL */
export const unlockAccount = (userId: string, when: string): string =>
  `unlocked AS (DELETE FROM attempts WHERE key = 'u:' || ${userId} AND ${when}
     RETURNING count > 0 AND until > clock_timestamp() AS counted)`
const unlock = statement<{ counted: boolean }>(
  'attempt-unlock',
  `WITH ${unlockAccount('$1::uuid', 'true')},
   codes AS (DELETE FROM attempts WHERE key = 'f:' || $1::uuid RETURNING count > 0 AND until > clock_timestamp() AS counted),
   ${audited()}
   SELECT bool_or(counted) AS counted FROM (SELECT counted FROM unlocked UNION ALL SELECT counted FROM codes) all_of_them`,
)
const clear = statement('attempt-clear', `WITH ${clearAttempts('true')} SELECT 1`)

type BegunRow = {
  address_place: string | null
  account_place: string | null
  account_key: string
  address_wait: number | null
  password_hash: string | null
  standing: string | null
  factors: readonly FactorKind[]
  consent_row: ConsentRow | null
} & (UserRow | { id: null })

type FoundRow = Pick<BegunRow, 'account_place' | 'account_key'> & (UserRow | { id: null })

export function createAttempts(needs: { database: Connection; audit: AuditRows; outbox: OutboxRows }): Attempts {
  const { database, outbox } = needs
  return {
    async start({ login, address, limits, clientUid }) {
      const canonical = canonicalName(login)
      const nameHash = createHash('sha256').update(canonical).digest('base64url')
      const addressKey = address === undefined ? `a:?${nameHash}` : `a:${addressBlock(address)}`
      const unknownKey = `n:${nameHash}`
      const values = { login: canonical, unknownKey, addressKey, ...limits, clientUid }
      const row = (await database.query(begin, values))[0]!
      return {
        keys: {
          account: row.account_key,
          address: addressKey,
          accountPlace: row.account_place ?? undefined,
          addressPlace: row.address_place ?? undefined,
        },
        user: row.id === null ? undefined : userOf(row),
        passwordHash: row.password_hash ?? undefined,
        standing: row.standing ?? undefined,
        factors: row.factors,
        consent: row.consent_row === null ? undefined : consentOf(row.consent_row),
        waitSeconds: row.address_wait ?? 0,
      }
    },
    async startFound({ source, key, limits }) {
      const unknownKey = `s:${createHash('sha256').update(`${source} ${key}`).digest('base64url')}`
      const row = (await database.query(beginFound, { source, key, unknownKey, ...limits }))[0]!
      return {
        keys: { account: row.account_key, address: '', accountPlace: row.account_place ?? undefined },
        user: row.id === null ? undefined : userOf(row),
      }
    },
    fail: async (keys, limits, locked) => {
      const mails = outbox.rows(locked === undefined ? [] : [locked])
      await database.query(fail, { ...keyValues(keys), ...limits, mails })
    },
    release: async (keys) => void (await database.query(release, keyValues(keys))),
    clear: async (keys) => void (await database.query(clear, keyValues(keys))),
    async failuresOf(userId) {
      const keys = { signIns: `u:${userId}`, codes: `f:${userId}` }
      const rows = await database.query(failuresOf, keys)
      const find = (key: string) => {
        const row = rows.find((one) => one.key === key)
        return row && { count: row.count, until: row.until }
      }
      return { signIns: find(keys.signIns), codes: find(keys.codes) }
    },
    async unlock(userId, events) {
      const [row] = await runAudited(needs, unlock, [userId], events)
      return row?.counted ?? false
    },
  }
}
