// The records of people: our own people, and those whom another source describes.
import { randomUUID } from 'node:crypto'
import { CodedError } from '@nauthera/runtime/coded-error'
import { audited, runAudited } from '../audit/audited.ts'
import type { Mail } from '../../mails.ts'
import { inTransaction } from '../outbox/in-transaction.ts'
import type { OutboxRows } from '../outbox/outbox-rows.ts'
import { runTold, told } from '../outbox/told.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { createAdoptedUsers } from './adopted-users.ts'
import type { AdoptedUsers } from './adopted-users.ts'
import { canonicalName } from './canonical-name.ts'
import type { StoreChanges } from '../cache/changes.ts'
import { linkHash, consumeLink } from './link-token.ts'
import { logoutInsert } from '../outbox/logouts.ts'
import { statement } from '../driver/database.ts'
import type { Database, Statement } from '../driver/database.ts'
import { holdPerson } from './hold-person.ts'
import { endSessionsOf, moveStanding, moveStandingOf } from './standing.ts'
import { asRefused, described, faultsOfOwnName, namesOf } from './user-names.ts'
import type { UserNames } from './user-names.ts'
import { groupsOf, isUuid, ownSource, preferencesOf, sourceOf, userOf } from './user.ts'
import type { Profile, User, UserRow } from './user.ts'

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

export interface EditOptions {
  readonly keepsOthers?: boolean | undefined
  readonly moved?: ((before: User) => Mail | undefined) | undefined
}

/** A link that makes an account. */
export interface AccountLink {
  readonly kind: 'invitation' | 'registration'
  readonly token: string
}

export interface Users extends AdoptedUsers {
  /** @param login user name or e-mail address, in any spelling */
  findByLogin(login: string): Promise<User | undefined>
  /** @throws CodedError USERNAME_TAKEN, EMAIL_TAKEN, USERNAME_INVALID, EMAIL_INVALID */
  insert(user: NewUser, audit?: readonly AuditEvent[]): Promise<User>
  /** As `insert`, for somebody with a link of this kind: it is used up by the new account.
   *  @returns undefined when the link is not live */
  insertByLink(user: NewUser, link: AccountLink, audit: readonly AuditEvent[]): Promise<User | undefined>
  /** Changes what we know of a person. Sessions and tokens stay, unless the address becomes another one.
   *  @param options.keepsOthers they stay then too; default: they end
   *  @param options.moved the mail about another address, which is queued with the change; gets the person as they were
   *  @returns the person as they are now; undefined when nobody has this id
   *  @throws CodedError EMAIL_TAKEN, USERNAME_INVALID, EMAIL_INVALID, USER_OF_OTHER_SOURCE */
  edit(
    userId: string,
    change: UserChange,
    audit: readonly AuditEvent[],
    options?: EditOptions,
  ): Promise<User | undefined>
  /** Disables or enables. Sessions and grants of a disabled person end at once.
   *  @param by `member`: one member of the help desk, alone; one of them may then enable the account. Default: whoever has a higher rank */
  setDisabled(
    userId: string,
    disabled: boolean,
    audit: readonly AuditEvent[],
    by?: 'member' | 'higher',
  ): Promise<boolean>
  /** Removes our record of the person, with password, groups, consents, sessions (whose clients are told) and grants. Audit rows stay until they are too old.
   *  @returns whether there was one */
  remove(userId: string, audit: readonly AuditEvent[]): Promise<boolean>
  /** Ends every session and grant. */
  revokeSessions(userId: string, audit: readonly AuditEvent[]): Promise<boolean>
}

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
   ${audited('new')}
   SELECT new.*, (SELECT jsonb_agg(name) FROM wanted) AS own_groups FROM new`,
  )
const insert = inserting('user-insert', '', '')
const insertByLink = inserting(
  'user-insert-by-link',
  `${consumeLink('$13', '$14', 'l.token_hash')},
   `,
  ' FROM link',
)
/** Locks the person's row. */
export const findForEdit = statement<UserRow>(
  'user-find-for-edit',
  `SELECT u.*, ${sourceOf}, ${groupsOf} FROM users u WHERE u.id = $1 FOR UPDATE OF u`,
)
const edit = statement<UserRow>(
  'user-edit',
  `WITH changed AS (UPDATE users SET (${described}) = ($2, $3, $4, $5, $6::boolean, $7, $8, $9::jsonb), updated_at = now()
     WHERE id = $1 RETURNING *),
   ${told('changed')}
   SELECT u.*, ${sourceOf}, ${groupsOf} FROM changed u`,
)
const changing = (name: string, what: string) =>
  statement(
    name,
    `WITH changed AS (UPDATE users SET ${what} WHERE id = $1 RETURNING id),
   ${audited('changed')}
   SELECT id FROM changed`,
  )
const disable = changing(
  'user-disable',
  `disabled_at = coalesce(disabled_at, now()), enabling_takes_two = true, ${moveStanding}, updated_at = now()`,
)
// who has disabled the account before may have a higher rank
const disableByMember = changing(
  'user-disable-by-member',
  `disabled_at = coalesce(disabled_at, now()), enabling_takes_two = enabling_takes_two AND disabled_at IS NOT NULL,
   ${moveStanding}, updated_at = now()`,
)
const enable = changing('user-enable', 'disabled_at = NULL, enabling_takes_two = true, updated_at = now()')
const revokeSessions = changing('user-revoke-sessions', moveStanding)
const remove = statement(
  'user-remove',
  `WITH gone AS (DELETE FROM users WHERE id = $1 RETURNING id),
   sessions AS (SELECT * FROM devices WHERE user_id = $1 AND revoked_at IS NULL AND EXISTS (SELECT FROM gone)),
   logouts AS (${logoutInsert('sessions')}),
   counter AS (DELETE FROM attempts WHERE key = 'u:' || $1::uuid AND EXISTS (SELECT FROM gone)),
   ${audited('gone')}
   SELECT id FROM gone`,
)

interface UserNeeds {
  readonly database: Database
  readonly audit: AuditRows
  readonly outbox: OutboxRows
  readonly changes: StoreChanges
}

export function createUsers(needs: UserNeeds): Users {
  const { database } = needs
  return {
    findByLogin: async (login) => (await database.query(findByLogin, [canonicalName(login)])).map(userOf)[0],
    insert: async (user, events = []) => (await insertUser(needs, insert, user, { events }))!,
    insertByLink: (user, { kind, token }, events) =>
      insertUser(needs, insertByLink, user, { events, link: [linkHash(token), kind] }),
    ...createAdoptedUsers(needs),
    edit: (userId, change, events, options = {}) => editUser(needs, userId, change, { ...options, events }),
    setDisabled: (userId, disabled, events, by = 'higher') =>
      changeUser(needs, disabled ? (by === 'member' ? disableByMember : disable) : enable, userId, events),
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
  const id = randomUUID()
  const about = events.map((event) => ({ userId: id, ...event }))
  const values = [...namesOf(user), user.passwordChangeRequired ?? false, user.passwordHash ?? null, user.groups ?? []]
  const insertNew = () => runAudited(needs, by, [id, ...values, ...link], about)
  const rows = await asRefused(user, insertNew, faultsOfOwnName)
  return rows.map(userOf)[0]
}

async function editUser(
  needs: UserNeeds,
  userId: string,
  change: UserChange,
  { events, keepsOthers = false, moved }: EditOptions & { readonly events: readonly AuditEvent[] },
): Promise<User | undefined> {
  if (!isUuid(userId)) return undefined
  return await inTransaction(needs, async (bound) => {
    const [row] = await bound.database.query(findForEdit, [userId])
    if (row === undefined) return undefined
    const before = userOf(row)
    if (before.source !== ownSource) throw ofOtherSource(before)
    const after = changeOf(before, change)
    const isMoved = canonicalName(after.email ?? '') !== canonicalName(before.email ?? '')
    const toTell = { audit: events, mail: isMoved ? moved?.(before) : undefined }
    const written = { ...bound, outbox: needs.outbox }
    const [edited] = await asRefused(after, () => runTold(written, edit, [userId, ...namesOf(after)], toTell))
    if (isMoved) await moveStandingOf(bound.database, userId, { keepsOthers })
    if (edited === undefined) return undefined
    await bound.changes.report(userId)
    return userOf(edited)
  })
}

const ofOtherSource = ({ username, source }: User): CodedError =>
  new CodedError('USER_OF_OTHER_SOURCE', {
    message: `${username} is described by ${source}, which would undo the change; change it there`,
  })

function changeOf(before: User, { email, emailVerified, name, locale, profile }: UserChange): UserNames {
  const isNewEmail = email !== undefined && canonicalName(email) !== canonicalName(before.email ?? '')
  return {
    username: before.username,
    email: email ?? before.email,
    emailVerified: emailVerified ?? (isNewEmail ? false : before.emailVerified),
    name: name ?? before.name,
    locale: locale ?? before.locale,
    profile: profile?.(before.profile) ?? before.profile,
  }
}

async function changeUser(
  needs: UserNeeds,
  change: Statement,
  userId: string,
  events: readonly AuditEvent[],
): Promise<boolean> {
  if (!isUuid(userId)) return false
  return await inTransaction(needs, async (bound) => {
    if (change === remove) await bound.database.query(holdPerson, [userId])
    const rows = await runAudited(bound, change, [userId], events)
    if (change !== enable && change !== remove) await endSessionsOf(bound.database, userId)
    await bound.changes.report(userId)
    return rows.length === 1
  })
}
