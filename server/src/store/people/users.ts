// The records of people: our own people, and those whom another source describes.
import { randomUUID } from 'node:crypto'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import { auditInsert } from '../audit/audit.ts'
import type { AuditEvent, AuditRows } from '../audit/audit.ts'
import { canonicalName } from './canonical-name.ts'
import type { StoreChanges } from '../cache/changes.ts'
import { linkHash, consumeLink } from './link-token.ts'
import { logoutInsert } from '../outbox/logouts.ts'
import { preferencesOf } from './preferences.ts'
import { statement } from '../driver/database.ts'
import type { Database, Statement } from '../driver/database.ts'
import { endSessionsOf, factorKinds, moveStanding, moveStandingOf, standing } from './standing.ts'
import type { FactorKind } from './standing.ts'
import { asRefused, described, faultsOfOwnName, namesOf } from './user-names.ts'
import type { UserNames } from './user-names.ts'
import { groupsOf, isUuid, ownSource, sourceIs, sourceOf, userOf } from './user.ts'
import type { Person, Profile, User, UserRow } from './user.ts'

export interface NewUser extends UserNames {
  readonly passwordChangeRequired?: boolean | undefined
  /** PHC string. */
  readonly passwordHash?: string | undefined
  /** Names; new groups are created. */
  readonly groups?: readonly string[] | undefined
}

/** What is to be different about one of our own people; what is left out stays. */
export interface UserChange {
  /** A new address counts as not verified, unless `emailVerified` says otherwise. */
  readonly email?: string | undefined
  readonly emailVerified?: boolean | undefined
  readonly name?: string | undefined
  readonly locale?: string | undefined
  /** From the profile to the new one. */
  readonly profile?: ((before: Profile) => Profile) | undefined
}

/** A link that makes an account. */
export interface AccountLink {
  readonly kind: 'invitation' | 'registration'
  readonly token: string
}

/** Somebody whom another source has found. */
export interface FoundPerson {
  /** `id` of the source, and its lasting name for the person, which nobody else gets later: an entry UUID, or an issuer with a
   *  subject. */
  readonly source: string
  readonly key: string
  readonly person: Person
}

/** With standing and factors, as `Accounts.load`. */
interface Adopted {
  readonly user: User
  readonly standing: string
  readonly factors: readonly FactorKind[]
}

export interface Users {
  /** @param login user name or e-mail address, in any spelling */
  findByLogin(login: string): Promise<User | undefined>
  /** @throws CodedError USERNAME_TAKEN, EMAIL_TAKEN, USERNAME_INVALID */
  insert(user: NewUser, audit?: readonly AuditEvent[]): Promise<User>
  /** As `insert`, for somebody with a link of this kind: it is used up by the new account.
   *  @returns undefined when the link is not live */
  insertByLink(user: NewUser, link: AccountLink, audit: readonly AuditEvent[]): Promise<User | undefined>
  /** Changes what we know of a person. Sessions and tokens stay, unless the address becomes another one.
   *  @param keepsOthers they stay then too
   *  @returns the person as they are now; undefined when nobody has this id
   *  @throws CodedError EMAIL_TAKEN, USERNAME_INVALID, USER_OF_OTHER_SOURCE */
  edit(
    userId: string,
    change: UserChange,
    audit: readonly AuditEvent[],
    keepsOthers?: boolean,
  ): Promise<User | undefined>
  /** Writes the record of somebody who signed in with another source: creates it the first time, updates its names later. Only the
   *  source's lasting name leads to a record, never an equal user name or e-mail address.
   *  @param audit written when the record is new
   *  @throws CodedError USERNAME_TAKEN, EMAIL_TAKEN when somebody else has that name here, USERNAME_INVALID */
  adopt(found: FoundPerson, audit: readonly AuditEvent[]): Promise<Adopted>
  /** Brings the record to what its source says now, while the person has a session. A user name and an e-mail address that somebody else has
   *  here are not taken.
   *  @returns undefined when nothing was changed since one of them is taken, or is none */
  follow(userId: string, person: Person): Promise<User | undefined>
  /** @returns the record as it is; undefined when this person was never here */
  findAdopted(found: { source: string; key: string }): Promise<Adopted | undefined>
  /** Disables or enables. Sessions and grants of a disabled person end at once. */
  setDisabled(userId: string, disabled: boolean, audit: readonly AuditEvent[]): Promise<boolean>
  /** Removes our record of the person, with password, groups, consents, sessions (whose clients are told) and grants. Audit rows stay until they are too old.
   *  @returns whether there was one */
  remove(userId: string, audit: readonly AuditEvent[]): Promise<boolean>
  /** Ends every session and grant. */
  revokeSessions(userId: string, audit: readonly AuditEvent[]): Promise<boolean>
}

const each = (columns: string, table: string): string => columns.replace(/\w+/g, `${table}.$&`)
const findByLogin = statement<UserRow>(
  'user-find-by-login',
  `SELECT u.*, ${sourceOf}, ${groupsOf}, ${preferencesOf} FROM users u WHERE u.canonical_username = $1 OR u.canonical_email = $1`,
)
const inserting = (name: string, before: string, condition: string) =>
  statement<UserRow>(
    name,
    `WITH ${before}new AS (INSERT INTO users (id, ${described}, password_change_required)
     SELECT $1, $2, $3, $4, $5, $6::boolean, $7, $8, $9::jsonb, $10::boolean${condition} RETURNING *),
   credential AS (INSERT INTO credentials (user_id, password_hash) SELECT id, $11 FROM new WHERE $11::text IS NOT NULL),
   wanted AS (SELECT DISTINCT name FROM unnest($12::text[]) AS name WHERE EXISTS (SELECT FROM new)),
   made AS (INSERT INTO groups (id, name) SELECT gen_random_uuid(), name FROM wanted ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id),
   members AS (INSERT INTO group_members (user_id, group_id) SELECT new.id, made.id FROM new, made),
   written AS (${auditInsert('$13', ' WHERE EXISTS (SELECT FROM new)')})
   SELECT new.*, (SELECT jsonb_agg(name) FROM wanted) AS own_groups FROM new`,
  )
const insert = inserting('user-insert', '', '')
const insertByLink = inserting(
  'user-insert-by-link',
  `${consumeLink('$14', '$15', 'l.token_hash')},
   `,
  ' FROM link',
)
const adopt = statement<AdoptedRow & { is_new: boolean }>(
  'user-adopt',
  `WITH found AS (INSERT INTO user_sources (user_id, source, source_key) VALUES ($1, $2, $3)
     ON CONFLICT (source, source_key) DO UPDATE SET source = excluded.source RETURNING user_id),
   kept AS (INSERT INTO users (id, ${described})
     SELECT user_id, $4, $5, $6, $7, $8::boolean, $9, $10, $11::jsonb FROM found
     ON CONFLICT (id) DO UPDATE SET (${described}) = (${each(described, 'excluded')}),
       updated_at = CASE WHEN (${each(described, 'users')}) IS DISTINCT FROM (${each(described, 'excluded')}) THEN now() ELSE users.updated_at END
     RETURNING *, xmax = 0 AS is_new),
   written AS (${auditInsert('$12', ' WHERE EXISTS (SELECT FROM kept WHERE is_new)')})
   SELECT u.*, ${sourceIs('$2', '$3')} AS comes_from, ${groupsOf}, ${preferencesOf}, ${factorKinds}, ${standing} AS standing FROM kept u`,
)
const findAdopted = statement<AdoptedRow>(
  'user-find-adopted',
  `SELECT u.*, ${sourceIs('s.source', 's.source_key')} AS comes_from, ${groupsOf}, ${preferencesOf}, ${factorKinds}, ${standing} AS standing
   FROM user_sources s JOIN users u ON u.id = s.user_id WHERE s.source = $1 AND s.source_key = $2`,
)
const follow = statement<UserRow>(
  'user-follow',
  `WITH changed AS (UPDATE users u SET (${described}) = ($2, $3, $4, $5, $6::boolean, $7, $8, $9::jsonb), updated_at = now()
     WHERE u.id = $1 AND NOT EXISTS (SELECT FROM users o WHERE o.id <> u.id AND (o.canonical_username = $3 OR o.canonical_email = $5))
     RETURNING u.*)
   SELECT u.*, ${sourceOf}, ${groupsOf}, ${preferencesOf} FROM changed u`,
)
const findForEdit = statement<UserRow>(
  'user-find-for-edit',
  `SELECT u.*, ${sourceOf}, ${groupsOf} FROM users u WHERE u.id = $1 FOR UPDATE OF u`,
)
const edit = statement<UserRow>(
  'user-edit',
  `WITH changed AS (UPDATE users SET (${described}) = ($2, $3, $4, $5, $6::boolean, $7, $8, $9::jsonb), updated_at = now()
     WHERE id = $1 RETURNING *),
   written AS (${auditInsert('$10', ' WHERE EXISTS (SELECT FROM changed)')})
   SELECT u.*, ${sourceOf}, ${groupsOf} FROM changed u`,
)
const changing = (name: string, what: string) =>
  statement(
    name,
    `WITH changed AS (UPDATE users SET ${what} WHERE id = $1 RETURNING id),
   written AS (${auditInsert('$2', ' WHERE EXISTS (SELECT FROM changed)')})
   SELECT id FROM changed`,
  )
const disable = changing(
  'user-disable',
  `disabled_at = coalesce(disabled_at, now()), ${moveStanding}, updated_at = now()`,
)
const enable = changing('user-enable', 'disabled_at = NULL, updated_at = now()')
const revokeSessions = changing('user-revoke-sessions', moveStanding)
const remove = statement(
  'user-remove',
  `WITH gone AS (DELETE FROM users WHERE id = $1 RETURNING id),
   sessions AS (SELECT * FROM devices WHERE user_id = $1 AND revoked_at IS NULL AND EXISTS (SELECT FROM gone)),
   logouts AS (${logoutInsert('sessions')}),
   counter AS (DELETE FROM attempts WHERE key = 'u:' || $1::uuid AND EXISTS (SELECT FROM gone)),
   written AS (${auditInsert('$2', ' WHERE EXISTS (SELECT FROM gone)')})
   SELECT id FROM gone`,
)

interface UserNeeds {
  readonly database: Database
  readonly audit: AuditRows
  readonly changes: StoreChanges
}

export function createUsers(needs: UserNeeds): Users {
  const { database } = needs
  return {
    findByLogin: async (login) => (await database.query(findByLogin, [canonicalName(login)])).map(userOf)[0],
    insert: async (user, events = []) => (await insertUser(needs, insert, user, { events }))!,
    insertByLink: (user, { kind, token }, events) =>
      insertUser(needs, insertByLink, user, { events, link: [linkHash(token), kind] }),
    adopt: (found, events) => adoptUser(needs, found, events),
    follow: (userId, person) => followSource(needs, userId, person),
    findAdopted: async ({ source, key }) => (await database.query(findAdopted, [source, key])).map(adoptedOf)[0],
    edit: (userId, change, events, keepsOthers = false) => editUser(needs, userId, change, { events, keepsOthers }),
    setDisabled: (userId, disabled, events) => changeUser(needs, disabled ? disable : enable, userId, events),
    remove: (userId, events) => changeUser(needs, remove, userId, events),
    revokeSessions: (userId, events) => changeUser(needs, revokeSessions, userId, events),
  }
}

async function insertUser(
  needs: UserNeeds,
  by: Statement<UserRow>,
  user: NewUser,
  { events, link = [] }: { events: readonly AuditEvent[]; link?: readonly unknown[] },
): Promise<User | undefined> {
  const { database, audit } = needs
  const id = randomUUID()
  const about = events.map((event) => ({ userId: id, ...event }))
  const values = [...namesOf(user), user.passwordChangeRequired ?? false, user.passwordHash ?? null, user.groups ?? []]
  const insertNew = () => database.query(by, [id, ...values, audit.rows(about), ...link])
  const rows = await asRefused(user, insertNew, faultsOfOwnName)
  if (rows[0] === undefined) return undefined
  audit.lines(about)
  return userOf(rows[0])
}

async function editUser(
  { database, audit, changes }: UserNeeds,
  userId: string,
  change: UserChange,
  { events, keepsOthers }: { events: readonly AuditEvent[]; keepsOthers: boolean },
): Promise<User | undefined> {
  if (!isUuid(userId)) return undefined
  const changed = await database.transaction(async (connection) => {
    const [row] = await connection.query(findForEdit, [userId])
    if (row === undefined) return undefined
    const before = userOf(row)
    if (before.source !== ownSource) throw ofOtherSource(before)
    const after = changeOf(before, change)
    const values = [userId, ...namesOf(after), audit.rows(events)]
    const [edited] = await asRefused(after, () => connection.query(edit, values))
    if (canonicalName(after.email ?? '') !== canonicalName(before.email ?? ''))
      await moveStandingOf(connection, userId, { keepsOthers })
    return edited
  })
  if (changed === undefined) return undefined
  await changes.report(userId)
  audit.lines(events)
  return userOf(changed)
}

const ofOtherSource = ({ username, source }: User): CodedError =>
  new CodedError('USER_OF_OTHER_SOURCE', {
    message: `${username} is described by ${source}, which would undo the change; change it there`,
  })

function changeOf(before: User, { email, emailVerified, name, locale, profile }: UserChange): UserNames {
  const isNewEmail = email !== undefined && email !== before.email
  return {
    username: before.username,
    email: email ?? before.email,
    emailVerified: emailVerified ?? (isNewEmail ? false : before.emailVerified),
    name: name ?? before.name,
    locale: locale ?? before.locale,
    profile: profile?.(before.profile) ?? before.profile,
  }
}

async function adoptUser(needs: UserNeeds, { source, key, person }: FoundPerson, events: readonly AuditEvent[]) {
  const { database, audit, changes } = needs
  const id = randomUUID()
  const about = events.map((event) => ({ userId: id, ...event }))
  const values = [id, source, key, ...namesOf(person), audit.rows(about)]
  const [row] = await asRefused(person, () => database.query(adopt, values))
  if (row!.is_new) audit.lines(about)
  else await changes.report(row!.id)
  return adoptedOf(row!)
}

type AdoptedRow = UserRow & { readonly standing: string; readonly factors: readonly FactorKind[] }

const adoptedOf = (row: AdoptedRow): Adopted => ({ user: userOf(row), standing: row.standing, factors: row.factors })

async function followSource(
  { database, changes }: UserNeeds,
  userId: string,
  person: Person,
): Promise<User | undefined> {
  try {
    const [row] = await asRefused(person, () => database.query(follow, [userId, ...namesOf(person)]))
    if (row === undefined) return undefined
    await changes.report(userId)
    return userOf(row)
  } catch (error) {
    if (hasCode(error, 'USERNAME_TAKEN', 'EMAIL_TAKEN', 'USERNAME_INVALID')) return undefined
    throw error
  }
}

async function changeUser(
  { database, audit, changes }: UserNeeds,
  change: Statement,
  userId: string,
  events: readonly AuditEvent[],
): Promise<boolean> {
  if (!isUuid(userId)) return false
  const changed = await database.transaction(async (connection) => {
    const rows = await connection.query(change, [userId, audit.rows(events)])
    if (change !== enable && change !== remove) await endSessionsOf(connection, userId)
    return rows.length === 1
  })
  await changes.report(userId)
  if (changed) audit.lines(events)
  return changed
}
