// Second factors and recovery codes. For every single use one conditional statement decides, the same for every replica.
import { createHash, randomUUID } from 'node:crypto'
import { hasCode } from '@nauthera/runtime/coded-error'
import type { Mail } from '../mails.ts'
import type { AttemptLimits } from './attempts.ts'
import { auditInsert } from './audit.ts'
import type { AuditEvent, AuditRows } from './audit.ts'
import type { Changes } from './changes.ts'
import type { KeyRing } from './envelope.ts'
import { outboxInsert } from './outbox.ts'
import type { OutboxRows } from './outbox.ts'
import { endSessionsOf, lockPerson, moveStanding, standing, standingWith } from './standing.ts'
import type { FactorKind, Ways } from './standing.ts'
import { statement } from './postgres.ts'
import type { Database, Statement } from './postgres.ts'
import { isUuid } from './user.ts'

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
  /** Queued with the change. */
  readonly mail?: Mail | undefined
}

/** A passkey, as it is checked. */
export interface StoredPasskey {
  readonly id: string
  readonly userId: string
  readonly credentialId: string
  /** COSE key. */
  readonly publicKey: Uint8Array
  readonly signCount: number
  readonly synced: boolean
}

export interface PasskeyEnrolment extends Omit<Enrolment, 'app'> {
  readonly passkey: Omit<StoredPasskey, 'id' | 'userId'> & {
    readonly name: string
    readonly transports: readonly string[]
  }
  /** Used up by it; a mark stays until then. */
  readonly challenge: { readonly id: string; readonly usedUntil: Date }
}

/** What is told of a change, with the change. */
export interface Told {
  readonly audit: readonly AuditEvent[]
  readonly mail?: Mail | undefined
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
    mail?: Mail | undefined
  }): Promise<{ left: number } | undefined>
  /** How many recovery codes of a person still work. */
  recoveryCodesLeft(userId: string): Promise<number>
  /** Makes these the person's recovery codes; the ones of before do not work any more.
   *  @returns false when the person has no second factor: then there is nothing to recover */
  replaceRecoveryCodes(userId: string, codes: readonly string[], told: Told): Promise<boolean>
  /** Gives a factor of the person another name. @returns false when it is not there */
  rename(userId: string, id: string, name: string, audit: readonly AuditEvent[]): Promise<boolean>
  /** Removes one factor; with the last one the recovery codes go too. Sessions go on.
   *  @returns false when it is not there, or is the last way to sign in */
  remove(userId: string, id: string, ways: Ways, told: Told): Promise<boolean>
  /** Encrypts what a factor needs while it is set up or asked for, for a hidden field. @param boundTo only with the same text it opens */
  seal(text: string, boundTo: string): string
  /** @returns undefined for what was not sealed here, or for something else */
  open(sealed: string, boundTo: string): string | undefined
  /** Counts a wrong code. @returns for how many seconds codes are locked now */
  countWrongCode(userId: string, limits: CodeLimits): Promise<number>
  /** Stores an authenticator app that the person has proved, in the place of an earlier one.
   *  @returns the standing after it, and whether the recovery codes were stored; undefined when nothing was */
  enrolApp(enrolment: Enrolment): Promise<{ standing: string; codesStored: boolean } | undefined>
  /** @param credentialId base64url */
  findPasskey(credentialId: string): Promise<StoredPasskey | undefined>
  credentialIds(userId: string): Promise<string[]>
  /** Uses a challenge up. @returns false when it was used before, on any replica, or the passkey is gone */
  usePasskey(use: { id: string; signCount: number; challenge: string; usedUntil: Date }): Promise<boolean>
  /** Stores a passkey that the person has proved. @returns as `enrolApp`; undefined also when the passkey is known, or its challenge was used */
  enrolPasskey(enrolment: PasskeyEnrolment): Promise<{ standing: string; codesStored: boolean } | undefined>
  /** Removes every factor and recovery code, and ends every session: for a person who has lost them.
   *  @returns how many factors there were; undefined when nobody has this id */
  reset(userId: string, audit: readonly AuditEvent[], mail?: Mail): Promise<number | undefined>
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
   mail AS (${outboxInsert('$5', ' WHERE EXISTS (SELECT FROM used)')}),
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
   mail AS (${outboxInsert('$10', ' WHERE EXISTS (SELECT FROM new)')}),
   written AS (${auditInsert('$9', ' WHERE EXISTS (SELECT FROM new)')})
   SELECT ${standingWith(`SELECT f.id FROM factors f WHERE f.user_id = u.id AND f.id NOT IN (SELECT id FROM before)
       UNION ALL SELECT id FROM new`)} AS standing,
     EXISTS (SELECT FROM codes) AS codes_stored
   FROM person u WHERE EXISTS (SELECT FROM new)`,
)
const findPasskey = statement(
  'factor-find-passkey',
  `SELECT id, user_id, credential_id, public_key, sign_count::float8 AS sign_count, synced FROM factors
   WHERE credential_id = $1 AND kind = 'passkey'`,
)
const credentialIds = statement(
  'factor-credential-ids',
  `SELECT credential_id FROM factors WHERE user_id = $1 AND kind = 'passkey'`,
)
const markChallenge = (id: string, until: string, when = '') =>
  `mark AS (INSERT INTO one_time (kind, id, expires_at) SELECT 'challenge', ${id}::text, ${until}::timestamptz${when} ON CONFLICT DO NOTHING RETURNING id)`
const usePasskey = statement(
  'factor-use-passkey',
  `WITH ${markChallenge('$3', '$4')}
   UPDATE factors SET sign_count = $2::bigint, last_used_at = now() WHERE id = $1 AND EXISTS (SELECT FROM mark) RETURNING id`,
)
const enrolPasskey = statement(
  'factor-enrol-passkey',
  `WITH person AS (
     SELECT u.id, u.sessions_valid_after FROM users u WHERE u.id = $1::uuid AND u.disabled_at IS NULL AND ${standing} = $2 FOR UPDATE),
   ${markChallenge('$10', '$11', ' FROM person')},
   new AS (INSERT INTO factors (id, user_id, kind, name, credential_id, public_key, sign_count, synced, transports)
     SELECT $3::uuid, p.id, 'passkey', $4, $5, $6::bytea, $7::bigint, $8::boolean, $9::text[] FROM person p, mark
     ON CONFLICT DO NOTHING RETURNING id, user_id),
   codes AS (INSERT INTO recovery_codes (user_id, code_hash) SELECT n.user_id, hash FROM new n, unnest($12::bytea[]) hash
     WHERE NOT EXISTS (SELECT FROM recovery_codes c WHERE c.user_id = n.user_id AND c.used_at IS NULL) RETURNING user_id),
   mail AS (${outboxInsert('$14', ' WHERE EXISTS (SELECT FROM new)')}),
   written AS (${auditInsert('$13', ' WHERE EXISTS (SELECT FROM new)')})
   SELECT ${standingWith('SELECT f.id FROM factors f WHERE f.user_id = u.id UNION ALL SELECT id FROM new')} AS standing,
     EXISTS (SELECT FROM codes) AS codes_stored
   FROM person u WHERE EXISTS (SELECT FROM new)`,
)
const reset = statement(
  'factor-reset',
  `WITH person AS (UPDATE users SET ${moveStanding} WHERE id = $1::uuid RETURNING id),
   gone AS (DELETE FROM factors WHERE user_id = (SELECT id FROM person) RETURNING id),
   codes AS (DELETE FROM recovery_codes WHERE user_id = (SELECT id FROM person)),
   ${forgetWrongCodes('$1::uuid', 'EXISTS (SELECT FROM person)')},
   mail AS (${outboxInsert('$3', ' WHERE EXISTS (SELECT FROM gone)')}),
   written AS (${auditInsert('$2', ' WHERE EXISTS (SELECT FROM person)')})
   SELECT (SELECT count(*) FROM gone)::integer AS gone FROM person`,
)
const codesLeft = statement(
  'factor-codes-left',
  'SELECT count(*)::integer AS left FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL',
)
const told = (audit: string, mail: string, when: string) => `
   mail AS (${outboxInsert(mail, ` WHERE ${when}`)}),
   written AS (${auditInsert(audit, ` WHERE ${when}`)})`
// a code of before that was used may come again by chance, and works then
const replaceCodes = statement(
  'factor-replace-codes',
  `WITH person AS (SELECT u.id FROM users u WHERE u.id = $1::uuid AND EXISTS (SELECT FROM factors f WHERE f.user_id = u.id) FOR UPDATE),
   before AS (DELETE FROM recovery_codes WHERE user_id = (SELECT id FROM person) RETURNING user_id),
   new AS (INSERT INTO recovery_codes (user_id, code_hash) SELECT p.id, hash FROM person p, unnest($2::bytea[]) hash
     WHERE (SELECT count(*) FROM before) >= 0 ON CONFLICT DO NOTHING RETURNING user_id),
   ${told('$3', '$4', 'EXISTS (SELECT FROM new)').trim()}
   SELECT FROM person WHERE EXISTS (SELECT FROM new)`,
)
/** SQL, for `factors f`: the person has another way to sign in, or this is none. @param upstreams, passkeys see `Ways` */
const isRemovable = (upstreams: string, passkeys: string): string => `(f.kind <> 'passkey' OR NOT ${passkeys}::boolean
     OR EXISTS (SELECT FROM user_sources s WHERE s.user_id = f.user_id)
     OR EXISTS (SELECT FROM credentials c WHERE c.user_id = f.user_id)
     OR EXISTS (SELECT FROM factors o WHERE o.user_id = f.user_id AND o.kind = 'passkey' AND o.id <> f.id)
     OR EXISTS (SELECT FROM upstream_links l WHERE l.user_id = f.user_id AND l.upstream = ANY(${upstreams}::text[])))`
const remove = statement(
  'factor-remove',
  `WITH gone AS (DELETE FROM factors f WHERE f.user_id = $1::uuid AND f.id = $2::uuid AND ${isRemovable('$5', '$6')} RETURNING f.id),
   codes AS (DELETE FROM recovery_codes WHERE user_id = $1::uuid AND EXISTS (SELECT FROM gone)
     AND NOT EXISTS (SELECT FROM factors f WHERE f.user_id = $1::uuid AND f.id <> $2::uuid)),
   ${told('$3', '$4', 'EXISTS (SELECT FROM gone)').trim()}
   SELECT id FROM gone`,
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

const rename = statement(
  'factor-rename',
  `WITH changed AS (UPDATE factors SET name = $3 WHERE user_id = $1::uuid AND id = $2::uuid RETURNING id),
   written AS (${auditInsert('$4', ' WHERE EXISTS (SELECT FROM changed)')})
   SELECT id FROM changed`,
)

interface FactorNeeds {
  readonly database: Database
  readonly ring: KeyRing
  readonly audit: AuditRows
  readonly outbox: OutboxRows
  readonly changes: Changes
}

type FactorRow = { id: string; kind: FactorKind; name: string; created_at: Date; last_used_at: Date | null }
type PasskeyRow = {
  id: string
  user_id: string
  credential_id: string
  public_key: Buffer
  sign_count: number
  synced: boolean
}
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
    async useRecoveryCode({ userId, code, limits, audit: events, mail }) {
      const values = [userId, hashOf(code), limits.perAccount, audit.rows(events), rowsOf(needs, mail)]
      const [row] = await database.query<{ left: number }>(useRecoveryCode, values)
      if (row !== undefined) audit.lines(events)
      return row
    },
    async countWrongCode(userId, { perAccount, windowMs, lockMs }) {
      const values = [userId, perAccount, windowMs, lockMs]
      return (await database.query<{ locked_seconds: number }>(countWrongCode, values))[0]!.locked_seconds
    },
    recoveryCodesLeft: async (userId) => (await database.query<{ left: number }>(codesLeft, [userId]))[0]!.left,
    replaceRecoveryCodes: (userId, codes, about) => change(needs, replaceCodes, [userId, codes.map(hashOf)], about),
    remove: (userId, id, ways, about) => removeFactor(needs, userId, id, ways, about),
    async rename(userId, id, name, events) {
      if (!isUuid(id)) return false
      const changed = await database.query(rename, [userId, id, name, audit.rows(events)])
      if (changed.length > 0) audit.lines(events)
      return changed.length > 0
    },
    seal: (text, boundTo) => {
      const { box, keyId } = ring.encrypt(Buffer.from(text), `pending-factor:${boundTo}`)
      return `${keyId}~${box.toString('base64url')}`
    },
    open: (sealed, boundTo) => open(ring, sealed, `pending-factor:${boundTo}`),
    async findPasskey(credentialId) {
      return (await database.query<PasskeyRow>(findPasskey, [credentialId])).map(passkeyOf)[0]
    },
    async credentialIds(userId) {
      const rows = await database.query<{ credential_id: string }>(credentialIds, [userId])
      return rows.map((row) => row.credential_id)
    },
    async usePasskey({ id, signCount, challenge, usedUntil }) {
      return (await database.query(usePasskey, [id, signCount, challenge, usedUntil])).length === 1
    },
    enrolPasskey: (enrolment) => storePasskey(needs, enrolment),
    enrolApp: (enrolment) => enrol(needs, enrolment),
    reset: (userId, events, mail) => resetFactors(needs, userId, events, mail),
    reencrypt: () => reencrypt(needs),
    async keysInUse() {
      const rows = await database.query<{ key_id: string; seeds: number }>(keysInUse)
      return rows.map(({ key_id: keyId, seeds }) => ({ keyId, seeds }))
    },
  }
}

async function storePasskey(needs: FactorNeeds, enrolment: PasskeyEnrolment) {
  const { database, audit } = needs
  const { userId, passkey, challenge, recoveryCodes, audit: events } = enrolment
  const { name, credentialId, publicKey, signCount, synced, transports } = passkey
  const stored = [randomUUID(), name, credentialId, Buffer.from(publicKey), signCount, synced, transports]
  const told = [recoveryCodes.map(hashOf), audit.rows(events), rowsOf(needs, enrolment.mail)]
  const values = [userId, enrolment.standing, ...stored, challenge.id, challenge.usedUntil, ...told]
  const [row] = await database.query<{ standing: string; codes_stored: boolean }>(enrolPasskey, values)
  if (row === undefined) return undefined
  audit.lines(events)
  return { standing: row.standing, codesStored: row.codes_stored }
}

async function change(
  { database, audit, outbox }: Omit<FactorNeeds, 'ring'>,
  by: Statement,
  values: readonly unknown[],
  { audit: events, mail }: Told,
): Promise<boolean> {
  const rows = await database.query(by, [...values, audit.rows(events), rowsOf({ outbox }, mail)])
  if (rows.length > 0) audit.lines(events)
  return rows.length > 0
}

async function removeFactor(
  { database, audit, outbox }: FactorNeeds,
  userId: string,
  id: string,
  { upstreams, passkeys }: Ways,
  { audit: events, mail }: Told,
): Promise<boolean> {
  if (!isUuid(id)) return false
  const values = [userId, id, audit.rows(events), rowsOf({ outbox }, mail), upstreams, passkeys]
  const gone = await database.transaction(async (connection) => {
    await connection.query(lockPerson, [userId])
    return connection.query(remove, values)
  })
  if (gone.length > 0) audit.lines(events)
  return gone.length > 0
}

function open(ring: KeyRing, sealed: string, boundTo: string): string | undefined {
  const [keyId = '', box = ''] = sealed.split('~')
  try {
    return ring.decrypt(Buffer.from(box, 'base64url'), keyId, boundTo).toString()
  } catch (error) {
    // it comes back from a browser
    if (hasCode(error, 'SEALED_ROW_DAMAGED', 'KEY_RING_LACKS_KEY')) return undefined
    throw error
  }
}

const rowsOf = ({ outbox }: Pick<FactorNeeds, 'outbox'>, mail: Mail | undefined): string =>
  outbox.rows(mail === undefined ? [] : [mail])

async function enrol(needs: FactorNeeds, enrolment: Enrolment) {
  const { database, ring, audit } = needs
  const { userId, app, recoveryCodes, audit: events } = enrolment
  const id = randomUUID()
  const { box, keyId } = ring.encrypt(Buffer.from(app.seed), bindingOf(id, userId))
  const stored = [id, app.name, box, keyId, app.lastStep, recoveryCodes.map(hashOf), audit.rows(events)]
  const mails = rowsOf(needs, enrolment.mail)
  type Row = { standing: string; codes_stored: boolean }
  const [row] = await database.query<Row>(enrolApp, [userId, enrolment.standing, ...stored, mails])
  if (row === undefined) return undefined
  audit.lines(events)
  return { standing: row.standing, codesStored: row.codes_stored }
}

/** `Factors.reset`, for a caller without the ring of keys. */
export async function resetFactors(
  { database, audit, outbox, changes }: Omit<FactorNeeds, 'ring'>,
  userId: string,
  events: readonly AuditEvent[],
  mail?: Mail,
): Promise<number | undefined> {
  const gone = await database.transaction(async (connection) => {
    const [row] = await connection.query<{ gone: number }>(reset, [
      userId,
      audit.rows(events),
      rowsOf({ outbox }, mail),
    ])
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

const passkeyOf = (row: PasskeyRow): StoredPasskey => ({
  id: row.id,
  userId: row.user_id,
  credentialId: row.credential_id,
  publicKey: row.public_key,
  signCount: row.sign_count,
  synced: row.synced,
})
