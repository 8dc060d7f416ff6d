// Second factors and recovery codes. For every single use one conditional statement decides, the same for every replica.
import { createHash, randomUUID } from 'node:crypto'
import type { AttemptLimits } from './attempts.ts'
import { auditInsert } from './audit.ts'
import type { AuditEvent, AuditRows } from './audit.ts'
import type { Changes } from './changes.ts'
import type { KeyRing } from './envelope.ts'
import { endSessionsOf, moveStanding, standing, standingWith } from './standing.ts'
import type { FactorKind } from './standing.ts'
import { statement } from './postgres.ts'
import type { Database } from './postgres.ts'

/** What may be shown of a second factor. */
export interface Factor {
  readonly id: string
  readonly kind: FactorKind
  readonly name: string
  readonly createdAt: Date
  readonly lastUsedAt: Date | undefined
}

/** An authenticator app. */
export interface StoredApp {
  readonly id: string
  /** Base32, not encrypted: never log it. */
  readonly seed: string
}

export interface NewApp {
  readonly name: string
  readonly seed: string
  /** The time step of the code that proved it: it does not work again. */
  readonly lastStep: number
}

/** How many wrong codes an account may have: `perAccount` of them lock its codes. */
export type CodeLimits = Omit<AttemptLimits, 'perAddress'>

export interface Enrolment {
  readonly userId: string
  /** Nothing is stored when it has changed, or the person is disabled. */
  readonly standing: string
  readonly app: NewApp
  /** Given to a person who has none that still works. */
  readonly recoveryCodes: readonly string[]
  readonly audit: readonly AuditEvent[]
}

export interface Factors {
  of(userId: string): Promise<Factor[]>
  /** @returns `lockedSeconds`: how long codes of this account are not accepted, 0 when they are */
  findApp(userId: string, limits: CodeLimits): Promise<{ app: StoredApp | undefined; lockedSeconds: number }>
  /** Uses the code of a time step, and forgets the wrong ones.
   *  @returns false when a code of this step or a later one was used before, or the account's codes are locked */
  useStep(use: { userId: string; id: string; step: number; limits: CodeLimits }): Promise<boolean>
  /** @param code as shown, without spaces @returns how many are left; undefined when it is wrong or was used, or codes are locked */
  useRecoveryCode(use: {
    userId: string
    code: string
    limits: CodeLimits
    audit: readonly AuditEvent[]
  }): Promise<{ left: number } | undefined>
  /** Counts a wrong code. @returns for how many seconds codes are locked now */
  countWrongCode(userId: string, limits: CodeLimits): Promise<number>
  /** Stores an authenticator app that the person has proved, in the place of an earlier one.
   *  @returns the standing after it, and whether the recovery codes were stored; undefined when nothing was */
  enrolApp(enrolment: Enrolment): Promise<{ standing: string; codesStored: boolean } | undefined>
  /** Removes every factor and recovery code, and ends every session: for a person who has lost them.
   *  @returns how many factors there were; undefined when nobody has this id */
  reset(userId: string, audit: readonly AuditEvent[]): Promise<number | undefined>
  /** Encrypts again each seed that the current key of the ring does not encrypt. @returns how many */
  reencrypt(): Promise<number>
  /** How many seeds each key of the ring encrypts. */
  keysInUse(): Promise<{ keyId: string; seeds: number }[]>
}

/** SQL. @param userId such as `$1::uuid`; @param limit such as `$2` */
const lockOf = (userId: string, limit: string) =>
  `SELECT until FROM attempts WHERE key = 'f:' || ${userId} AND count >= ${limit}::integer AND until > clock_timestamp()`
const forgetWrongCodes = (userId: string, when: string) =>
  `forgotten AS (DELETE FROM attempts WHERE key = 'f:' || ${userId} AND ${when})`

const list = statement(
  'factor-list',
  'SELECT id, kind, name, created_at, last_used_at FROM factors WHERE user_id = $1 ORDER BY created_at, id',
)
const findApp = statement(
  'factor-find-app',
  `SELECT f.id, f.secret, f.encrypted_by,
     coalesce(ceil(extract(epoch FROM (${lockOf('$1::uuid', '$2')}) - clock_timestamp())), 0)::integer AS locked_seconds
   FROM (SELECT) one LEFT JOIN factors f ON f.user_id = $1::uuid AND f.kind = 'totp'`,
)
const useStep = statement(
  'factor-use-step',
  `WITH used AS (UPDATE factors SET last_step = $3::bigint, last_used_at = now()
     WHERE id = $2 AND user_id = $1::uuid AND last_step < $3::bigint AND NOT EXISTS (${lockOf('$1::uuid', '$4')}) RETURNING id),
   ${forgetWrongCodes('$1::uuid', 'EXISTS (SELECT FROM used)')}
   SELECT id FROM used`,
)
const useRecoveryCode = statement(
  'factor-use-recovery-code',
  `WITH used AS (UPDATE recovery_codes SET used_at = now()
     WHERE user_id = $1::uuid AND code_hash = $2 AND used_at IS NULL AND NOT EXISTS (${lockOf('$1::uuid', '$3')}) RETURNING user_id),
   ${forgetWrongCodes('$1::uuid', 'EXISTS (SELECT FROM used)')},
   written AS (${auditInsert('$4', ' WHERE EXISTS (SELECT FROM used)')})
   SELECT (SELECT count(*) FROM recovery_codes c WHERE c.user_id = $1::uuid AND c.used_at IS NULL AND c.code_hash <> $2)::integer AS left
   FROM used`,
)
const isOver = 'attempts.until <= clock_timestamp()'
const ahead = (milliseconds: string) => `clock_timestamp() + ${milliseconds}::float8 * interval '1 millisecond'`
// while codes are locked, nothing is counted: the lock ends when it said
const countWrongCode = statement(
  'factor-count-wrong-code',
  `WITH counted AS (INSERT INTO attempts (key, count, until) VALUES ('f:' || $1::uuid, 1, ${ahead('$3')})
     ON CONFLICT (key) DO UPDATE SET
       count = CASE WHEN ${isOver} THEN 1 ELSE attempts.count + 1 END,
       until = CASE WHEN ${isOver} THEN ${ahead('$3')} WHEN attempts.count + 1 >= $2::integer THEN ${ahead('$4')} ELSE attempts.until END
     WHERE ${isOver} OR attempts.count < $2::integer
     RETURNING count, until)
   SELECT coalesce((SELECT CASE WHEN count >= $2::integer THEN ceil(extract(epoch FROM until - clock_timestamp())) ELSE 0 END FROM counted),
     ceil(extract(epoch FROM (${lockOf('$1::uuid', '$2')}) - clock_timestamp())), 0)::integer AS locked_seconds`,
)
const enrolApp = statement(
  'factor-enrol-app',
  `WITH person AS (
     SELECT u.id, u.sessions_valid_after FROM users u WHERE u.id = $1::uuid AND u.disabled_at IS NULL AND ${standing} = $2 FOR UPDATE),
   before AS (DELETE FROM factors WHERE user_id = (SELECT id FROM person) AND kind = 'totp' RETURNING id),
   new AS (INSERT INTO factors (id, user_id, kind, name, secret, encrypted_by, last_step)
     SELECT $3::uuid, p.id, 'totp', $4, $5::bytea, $6, $7::bigint FROM person p WHERE (SELECT count(*) FROM before) >= 0
     ON CONFLICT DO NOTHING RETURNING id, user_id),
   codes AS (INSERT INTO recovery_codes (user_id, code_hash) SELECT n.user_id, hash FROM new n, unnest($8::bytea[]) hash
     WHERE NOT EXISTS (SELECT FROM recovery_codes c WHERE c.user_id = n.user_id AND c.used_at IS NULL) RETURNING user_id),
   written AS (${auditInsert('$9', ' WHERE EXISTS (SELECT FROM new)')})
   SELECT ${standingWith(`SELECT f.id FROM factors f WHERE f.user_id = u.id AND f.id NOT IN (SELECT id FROM before)
       UNION ALL SELECT id FROM new`)} AS standing,
     EXISTS (SELECT FROM codes) AS codes_stored
   FROM person u WHERE EXISTS (SELECT FROM new)`,
)
const reset = statement(
  'factor-reset',
  `WITH person AS (UPDATE users SET ${moveStanding} WHERE id = $1::uuid RETURNING id),
   gone AS (DELETE FROM factors WHERE user_id = (SELECT id FROM person) RETURNING id),
   codes AS (DELETE FROM recovery_codes WHERE user_id = (SELECT id FROM person)),
   ${forgetWrongCodes('$1::uuid', 'EXISTS (SELECT FROM person)')},
   written AS (${auditInsert('$2', ' WHERE EXISTS (SELECT FROM person)')})
   SELECT (SELECT count(*) FROM gone)::integer AS gone FROM person`,
)
const outdated = statement(
  'factor-outdated',
  `SELECT id, user_id, secret, encrypted_by FROM factors WHERE kind = 'totp' AND encrypted_by <> $1 ORDER BY id LIMIT 500`,
)
const setSecret = statement(
  'factor-set-secret',
  'UPDATE factors SET secret = $2, encrypted_by = $3 WHERE id = $1 AND encrypted_by = $4',
)
const keysInUse = statement(
  'factor-keys-in-use',
  `SELECT encrypted_by AS key_id, count(*)::integer AS seeds FROM factors WHERE kind = 'totp' GROUP BY encrypted_by ORDER BY 1`,
)

interface FactorNeeds {
  readonly database: Database
  readonly ring: KeyRing
  readonly audit: AuditRows
  readonly changes: Changes
}

type FactorRow = { id: string; kind: FactorKind; name: string; created_at: Date; last_used_at: Date | null }
type AppRow = { id: string | null; secret: Buffer; encrypted_by: string; locked_seconds: number }

export function createFactors(needs: FactorNeeds): Factors {
  const { database, ring, audit } = needs
  return {
    of: async (userId) => (await database.query<FactorRow>(list, [userId])).map(factorOf),
    async findApp(userId, { perAccount }) {
      const [row] = await database.query<AppRow>(findApp, [userId, perAccount])
      const { id, secret, encrypted_by: keyId, locked_seconds: lockedSeconds } = row!
      if (id === null) return { app: undefined, lockedSeconds }
      return { app: { id, seed: ring.decrypt(secret, keyId, bindingOf(id, userId)).toString() }, lockedSeconds }
    },
    async useStep({ userId, id, step, limits }) {
      return (await database.query(useStep, [userId, id, step, limits.perAccount])).length === 1
    },
    async useRecoveryCode({ userId, code, limits, audit: events }) {
      const values = [userId, hashOf(code), limits.perAccount, audit.rows(events)]
      const [row] = await database.query<{ left: number }>(useRecoveryCode, values)
      if (row !== undefined) audit.lines(events)
      return row
    },
    async countWrongCode(userId, { perAccount, windowMs, lockMs }) {
      const values = [userId, perAccount, windowMs, lockMs]
      return (await database.query<{ locked_seconds: number }>(countWrongCode, values))[0]!.locked_seconds
    },
    enrolApp: (enrolment) => enrol(needs, enrolment),
    reset: (userId, events) => resetFactors(needs, userId, events),
    reencrypt: () => reencrypt(needs),
    async keysInUse() {
      const rows = await database.query<{ key_id: string; seeds: number }>(keysInUse)
      return rows.map(({ key_id: keyId, seeds }) => ({ keyId, seeds }))
    },
  }
}

async function enrol({ database, ring, audit }: FactorNeeds, enrolment: Enrolment) {
  const { userId, app, recoveryCodes, audit: events } = enrolment
  const id = randomUUID()
  const { box, keyId } = ring.encrypt(Buffer.from(app.seed), bindingOf(id, userId))
  const stored = [id, app.name, box, keyId, app.lastStep, recoveryCodes.map(hashOf), audit.rows(events)]
  type Row = { standing: string; codes_stored: boolean }
  const [row] = await database.query<Row>(enrolApp, [userId, enrolment.standing, ...stored])
  if (row === undefined) return undefined
  audit.lines(events)
  return { standing: row.standing, codesStored: row.codes_stored }
}

/** `Factors.reset`, for a caller without the ring of keys. */
export async function resetFactors(
  { database, audit, changes }: Omit<FactorNeeds, 'ring'>,
  userId: string,
  events: readonly AuditEvent[],
): Promise<number | undefined> {
  const gone = await database.transaction(async (connection) => {
    const [row] = await connection.query<{ gone: number }>(reset, [userId, audit.rows(events)])
    if (row !== undefined) await endSessionsOf(connection, userId)
    return row?.gone
  })
  await changes.tell(userId)
  if (gone !== undefined) audit.lines(events)
  return gone
}

async function reencrypt({ database, ring }: FactorNeeds): Promise<number> {
  type Row = { id: string; user_id: string; secret: Buffer; encrypted_by: string }
  let total = 0
  for (;;) {
    const rows = await database.query<Row>(outdated, [ring.currentId])
    for (const row of rows) {
      const binding = bindingOf(row.id, row.user_id)
      const { box, keyId } = ring.encrypt(ring.decrypt(row.secret, row.encrypted_by, binding), binding)
      await database.query(setSecret, [row.id, box, keyId, row.encrypted_by])
    }
    total += rows.length
    if (rows.length === 0) return total
  }
}

/** What a seed is bound to: it does not open in another row, nor for another person. */
const bindingOf = (id: string, userId: string): string => `factors:${id}:${userId}:totp`

const hashOf = (code: string): Buffer => createHash('sha256').update(code).digest()

const factorOf = (row: FactorRow): Factor => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at ?? undefined,
})
