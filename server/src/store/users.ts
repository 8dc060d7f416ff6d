// People as rows. What is checked about a person at each authorization, refresh and page is loaded by one query.
import { randomUUID } from 'node:crypto'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Fault } from '@nauthera/runtime/coded-error'
import { auditInsert } from './audit.ts'
import type { AuditEvent, AuditRows } from './audit.ts'
import { canonicalName } from './canonical-name.ts'
import type { Changes } from './changes.ts'
import { consentOf } from './consents.ts'
import type { Consent, ConsentRow } from './consents.ts'
import { grantOf } from './grants.ts'
import type { Grant, GrantRow } from './grants.ts'
import { statement, violates } from './postgres.ts'
import type { Database } from './postgres.ts'
import { stateOf } from './refresh-families.ts'
import type { FamilyRow, FamilyState } from './refresh-families.ts'
import { endSessionsOf, moveStanding, standing } from './standing.ts'

/** Further standard claims by their names (OpenID Connect Core 5.1), such as given_name, phone_number, address. */
export type Profile = Readonly<Record<string, unknown>>

export interface User {
  /** A UUID; the subject of tokens. */
  readonly id: string
  readonly username: string
  readonly email: string | undefined
  readonly emailVerified: boolean
  readonly name: string | undefined
  readonly locale: string | undefined
  readonly profile: Profile
  readonly passwordChangeRequired: boolean
  readonly disabled: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
  /** Names, sorted. */
  readonly groups: readonly string[]
}

export interface NewUser {
  readonly username: string
  readonly email?: string | undefined
  readonly emailVerified?: boolean | undefined
  readonly name?: string | undefined
  readonly locale?: string | undefined
  readonly profile?: Profile | undefined
  readonly passwordChangeRequired?: boolean | undefined
  /** PHC string. */
  readonly passwordHash?: string | undefined
  /** Names; made when they are new. */
  readonly groups?: readonly string[] | undefined
}

export interface LoadedAccount {
  readonly user: User
  /** The same for as long as no password was set and no sessions were ended; opaque. */
  readonly standing: string
  /** Of the session that was asked for: its row is there, not ended, not expired, of no newer version, and the person has not
   *  signed out everywhere since. True when none was asked for. */
  readonly sessionLive: boolean
  /** Alive and this person's; undefined also when none was asked for. */
  readonly grant: Grant | undefined
  readonly consent: Consent | undefined
  /** The refresh family of that grant, while it is alive. */
  readonly family: FamilyState | undefined
}

export interface Users {
  /** One query for all that an authorization, a refresh or an account page checks about a person.
   *  @returns undefined for an unknown id (an id that is no UUID is unknown) */
  loadAccount(ask: {
    userId: string
    session?: { uid: string; version: number; authTime: Date } | undefined
    grantId?: string | undefined
    clientUid?: string | undefined
  }): Promise<LoadedAccount | undefined>
  /** @param login user name or e-mail address, in any spelling */
  findByLogin(login: string): Promise<User | undefined>
  list(page: { afterUsername?: string | undefined; limit: number }): Promise<User[]>
  /** @throws CodedError USERNAME_TAKEN, EMAIL_TAKEN, USERNAME_INVALID */
  insert(user: NewUser, audit?: readonly AuditEvent[]): Promise<User>
  /** Disables or enables; a disabled person's sessions and grants are dead at once. */
  setDisabled(userId: string, disabled: boolean, audit: readonly AuditEvent[]): Promise<boolean>
  /** Ends every session and grant. */
  revokeSessions(userId: string, audit: readonly AuditEvent[]): Promise<boolean>
}

const groupsOf = `coalesce((SELECT array_agg(g.name ORDER BY g.name) FROM group_members m JOIN groups g ON g.id = m.group_id
  WHERE m.user_id = u.id), '{}') AS groups`
const load = statement(
  'user-load-account',
  `SELECT u.*, ${groupsOf}, ${standing} AS standing,
     ($2::text IS NULL OR (d.version <= $3 AND greatest(d.auth_time, $4::timestamptz) >= date_trunc('second', u.sessions_valid_after))) IS TRUE
       AS session_live,
     to_jsonb(t) AS grant_row, to_jsonb(c) AS consent_row, to_jsonb(f) AS family_row
   FROM users u
   LEFT JOIN devices d ON d.session_uid = $2 AND d.client_uid = '' AND d.user_id = u.id AND d.revoked_at IS NULL AND d.expires_at > now()
   LEFT JOIN grants t ON t.id = $5 AND t.user_id = u.id AND t.revoked_at IS NULL AND t.expires_at > now()
   LEFT JOIN refresh_families f ON f.grant_id = t.id AND f.revoked_at IS NULL AND f.expires_at > now()
   LEFT JOIN consents c ON c.user_id = u.id AND c.client_uid = $6
   WHERE u.id = $1`,
)
const findByLogin = statement(
  'user-find-by-login',
  `SELECT u.*, ${groupsOf} FROM users u WHERE u.canonical_username = $1 OR u.canonical_email = $1`,
)
const list = statement(
  'user-list',
  `SELECT u.*, ${groupsOf} FROM users u WHERE u.canonical_username > $1 ORDER BY u.canonical_username LIMIT $2`,
)
const insert = statement(
  'user-insert',
  `WITH new AS (INSERT INTO users (id, username, canonical_username, email, canonical_email, email_verified, name, locale, profile, password_change_required)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *),
   credential AS (INSERT INTO credentials (user_id, password_hash) SELECT id, $11 FROM new WHERE $11::text IS NOT NULL),
   wanted AS (SELECT DISTINCT name FROM unnest($12::text[]) AS name),
   made AS (INSERT INTO groups (id, name) SELECT gen_random_uuid(), name FROM wanted ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id),
   members AS (INSERT INTO group_members (user_id, group_id) SELECT new.id, made.id FROM new, made),
   written AS (${auditInsert('$13')})
   SELECT new.*, ARRAY(SELECT name FROM wanted ORDER BY name) AS groups FROM new`,
)
const disable = statement(
  'user-disable',
  `WITH changed AS (UPDATE users SET disabled_at = coalesce(disabled_at, now()), ${moveStanding}, updated_at = now()
     WHERE id = $1 RETURNING id),
   written AS (${auditInsert('$2', ' WHERE EXISTS (SELECT FROM changed)')})
   SELECT id FROM changed`,
)
const enable = statement(
  'user-enable',
  `WITH changed AS (UPDATE users SET disabled_at = NULL, updated_at = now() WHERE id = $1 RETURNING id),
   written AS (${auditInsert('$2', ' WHERE EXISTS (SELECT FROM changed)')})
   SELECT id FROM changed`,
)
const revokeSessions = statement(
  'user-revoke-sessions',
  `WITH changed AS (UPDATE users SET ${moveStanding} WHERE id = $1 RETURNING id),
   written AS (${auditInsert('$2', ' WHERE EXISTS (SELECT FROM changed)')})
   SELECT id FROM changed`,
)

export interface UserRow {
  readonly id: string
  readonly username: string
  readonly email: string | null
  readonly email_verified: boolean
  readonly name: string | null
  readonly locale: string | null
  readonly profile: Record<string, unknown>
  readonly password_change_required: boolean
  readonly disabled_at: Date | null
  readonly created_at: Date
  readonly updated_at: Date
  readonly groups: string[]
}

export function createUsers(needs: { database: Database; audit: AuditRows; changes: Changes }): Users {
  const { database, audit, changes } = needs
  const change = async (change: typeof enable, userId: string, events: readonly AuditEvent[]) => {
    if (!isUuid(userId)) return false
    const changed = await database.transaction(async (connection) => {
      const rows = await connection.query(change, [userId, audit.rows(events)])
      if (change !== enable) await endSessionsOf(connection, userId)
      return rows.length === 1
    })
    await changes.tell(userId)
    if (changed) audit.lines(events)
    return changed
  }
  return {
    async loadAccount({ userId, session, grantId, clientUid }) {
      if (!isUuid(userId)) return undefined
      type Row = UserRow & {
        standing: string
        session_live: boolean
        grant_row: GrantRow | null
        consent_row: ConsentRow | null
        family_row: FamilyRow | null
      }
      const ask = [userId, session?.uid ?? null, session?.version ?? null, session?.authTime ?? null]
      const row = (await database.query<Row>(load, [...ask, grantId ?? null, clientUid ?? null]))[0]
      if (row === undefined) return undefined
      return {
        user: userOf(row),
        standing: row.standing,
        sessionLive: row.session_live,
        grant: row.grant_row === null ? undefined : grantOf(row.grant_row),
        consent: row.consent_row === null ? undefined : consentOf(row.consent_row),
        family: row.family_row === null ? undefined : stateOf(row.family_row),
      }
    },
    findByLogin: async (login) => (await database.query<UserRow>(findByLogin, [canonicalName(login)])).map(userOf)[0],
    list: async ({ afterUsername = '', limit }) =>
      (await database.query<UserRow>(list, [canonicalName(afterUsername), limit])).map(userOf),
    async insert(user, events = []) {
      const faults = faultsOfName(user.username)
      if (faults.length > 0) throw new CodedError('USERNAME_INVALID', { faults })
      const id = randomUUID()
      const values = [
        id,
        user.username,
        canonicalName(user.username),
        user.email ?? null,
        user.email === undefined ? null : canonicalName(user.email),
        user.emailVerified ?? false,
        user.name ?? null,
        user.locale ?? null,
        JSON.stringify(user.profile ?? {}),
        user.passwordChangeRequired ?? false,
        user.passwordHash ?? null,
        user.groups ?? [],
      ]
      try {
        const about = events.map((event) => ({ userId: id, ...event }))
        const row = (await database.query<UserRow>(insert, [...values, audit.rows(about)]))[0]!
        audit.lines(about)
        return userOf(row)
      } catch (error) {
        throw refusalOf(error, user) ?? error
      }
    },
    setDisabled: (userId, disabled, events) => change(disabled ? disable : enable, userId, events),
    revokeSessions: (userId, events) => change(revokeSessions, userId, events),
  }
}

/** Longest e-mail address (RFC 5321 section 4.5.3.1), so longest user name. */
const longestName = 320

function faultsOfName(username: string): Fault[] {
  const fault = (message: string) => [{ path: 'username', message }]
  if (canonicalName(username) === '') return fault('must not be empty')
  if (username.length > longestName) return fault(`must have at most ${longestName} characters`)
  if (/[\p{Cc}\p{Cf}]/u.test(username)) return fault('must not hold invisible characters')
  return []
}

function refusalOf(error: unknown, user: NewUser): CodedError | undefined {
  const refuse = (code: string, path: string, message: string) =>
    new CodedError(code, { cause: error, faults: [{ path, message }] })
  if (violates(error, 'users_canonical_username_key')) {
    return refuse('USERNAME_TAKEN', 'username', `${user.username} is taken; choose another`)
  }
  if (violates(error, 'users_canonical_email_key')) {
    return refuse('EMAIL_TAKEN', 'email', `${user.email} belongs to another person`)
  }
  if (violates(error, 'users_name_is_own_email')) {
    return refuse('USERNAME_INVALID', 'username', 'may hold an @ only when it is the same as the e-mail address')
  }
  if (violates(error, 'users_email_has_at')) return refuse('USERNAME_INVALID', 'email', 'must be an e-mail address')
  return undefined
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** PostgreSQL would refuse anything else with an error. */
const isUuid = (text: string): boolean => uuid.test(text)

export const userOf = (row: UserRow): User => ({
  id: row.id,
  username: row.username,
  email: row.email ?? undefined,
  emailVerified: row.email_verified,
  name: row.name ?? undefined,
  locale: row.locale ?? undefined,
  profile: row.profile,
  passwordChangeRequired: row.password_change_required,
  disabled: row.disabled_at !== null,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  groups: row.groups,
})
