// Many people at once, for an import: what is known of them, the new ones in one commit, and a commit for each who is changed.
import { auditInsert } from '../audit/audit-rows.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { canonicalName } from './canonical-name.ts'
import { statement } from '../driver/database.ts'
import type { Database } from '../driver/database.ts'
import type { StoreChanges } from '../cache/changes.ts'
import { inTransaction } from '../outbox/in-transaction.ts'
import type { OutboxRows } from '../outbox/outbox-rows.ts'
import { createGroups } from './groups.ts'
import { groupsOf, sourceOf, userOf } from './user.ts'
import { described, namesOf } from './user-names.ts'
import type { Profile, User, UserRow } from './user.ts'
import { createUsers, findForEdit } from './users.ts'
import type { EditOptions, NewUser, UserChange } from './users.ts'

/** Somebody to be written, with an id that was chosen before. */
export interface ImportedPerson extends NewUser {
  readonly id: string
  readonly disabled?: boolean | undefined
}

/** What becomes different about somebody who is there; what is left out stays. */
export interface ImportedChange extends Omit<UserChange, 'profile'> {
  readonly profile?: Profile | undefined
  /** The person is added to them. */
  readonly groups?: readonly string[] | undefined
  readonly disabled?: boolean | undefined
}

interface ChangeWriting extends Pick<EditOptions, 'moved'> {
  readonly events: (change: ImportedChange) => readonly AuditEvent[]
}

export interface ImportBatch {
  /** @returns everybody who has one of the ids, user names or e-mail addresses */
  findLike(people: readonly Pick<ImportedPerson, 'id' | 'username' | 'email'>[]): Promise<User[]>
  /** @returns those of the groups that are there */
  findGroups(names: readonly string[]): Promise<string[]>
  /** Writes people with passwords, groups and audit events in one commit, and leaves out who has come into being meanwhile.
   *  @param audit an event about somebody who is left out is not written
   *  @returns the ids of those who were written */
  insert(people: readonly ImportedPerson[], audit: readonly AuditEvent[]): Promise<string[]>
  /** Changes one of our own people in one commit.
   *  @param decide gets the person as they are while their row is locked; undefined: nothing is written
   *  @throws CodedError EMAIL_TAKEN, USERNAME_INVALID, EMAIL_INVALID: nothing is written */
  change(userId: string, decide: (now: User) => ImportedChange | undefined, writing: ChangeWriting): Promise<void>
}

const findLike = statement<UserRow>(
  'import-find-like',
  `SELECT u.*, ${sourceOf}, ${groupsOf} FROM users u
   WHERE u.canonical_username = ANY($1::text[]) OR u.canonical_email = ANY($1::text[]) OR u.id = ANY($2::uuid[])`,
)
const findGroups = statement<{ name: string }>(
  'import-find-groups',
  'SELECT name FROM groups WHERE name = ANY($1::text[])',
)
const insert = statement<{ id: string }>(
  'import-insert',
  `WITH given AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, username text, canonical_username text, email text,
     canonical_email text, email_verified boolean, name text, locale text, profile jsonb, must_change boolean, disabled boolean,
     password_hash text, groups text[])),
   new AS (INSERT INTO users (id, ${described}, password_change_required, disabled_at)
     SELECT id, ${described}, must_change, CASE WHEN disabled THEN now() END FROM given ORDER BY canonical_username
     ON CONFLICT DO NOTHING RETURNING id),
   credential AS (INSERT INTO credentials (user_id, password_hash)
     SELECT id, password_hash FROM given JOIN new USING (id) WHERE password_hash IS NOT NULL),
   belonging AS (SELECT DISTINCT id, unnest(groups) AS name FROM given JOIN new USING (id)),
   made AS (INSERT INTO groups (id, name) SELECT gen_random_uuid(), name FROM (SELECT DISTINCT name FROM belonging ORDER BY name) n
     ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, name),
   members AS (INSERT INTO group_members (user_id, group_id) SELECT b.id, made.id FROM belonging b JOIN made USING (name)),
   written AS (${auditInsert('$2', ' WHERE e.user_id IS NULL OR e.user_id IN (SELECT id::text FROM new)')})
   SELECT id FROM new`,
)

export function createImportBatch(needs: {
  database: Database
  audit: AuditRows
  outbox: OutboxRows
  changes: StoreChanges
}): ImportBatch {
  const { database, audit } = needs
  return {
    async findLike(people) {
      const names = people.flatMap(({ username, email }) => [username, ...(email === undefined ? [] : [email])])
      const values = [names.map(canonicalName), people.map(({ id }) => id)]
      return (await database.query(findLike, values)).map(userOf)
    },
    findGroups: async (names) =>
      names.length === 0 ? [] : (await database.query(findGroups, [names])).map(({ name }) => name),
    async insert(people, events) {
      const values = [JSON.stringify(people.map(rowOf)), audit.rows(events)]
      const written = (await database.query(insert, values)).map(({ id }) => id)
      audit.lines(events.filter(({ userId }) => userId === undefined || written.includes(userId)))
      return written
    },
    change: (userId, decide, { events, moved }) =>
      inTransaction(needs, async (bound) => {
        const [row] = await bound.database.query(findForEdit, [userId])
        const change = row === undefined ? undefined : decide(userOf(row))
        if (change === undefined) return
        const { profile, groups = [], disabled, ...names } = change
        const users = createUsers({ ...bound, outbox: needs.outbox })
        const edited = { ...names, profile: profile === undefined ? undefined : () => profile }
        await users.edit(userId, edited, events(change), { moved })
        for (const group of groups) await createGroups(bound).addMember(group, userId, [])
        if (disabled !== undefined) await users.setDisabled(userId, disabled, [])
      }),
  }
}

const columns = described.split(', ')

function rowOf(person: ImportedPerson): Record<string, unknown> {
  const names = namesOf(person)
  return {
    id: person.id,
    ...Object.fromEntries(columns.map((column, index) => [column, names[index]])),
    // as JSON in JSON it would be a text
    profile: person.profile ?? {},
    must_change: person.passwordChangeRequired ?? false,
    disabled: person.disabled ?? false,
    password_hash: person.passwordHash ?? null,
    groups: person.groups ?? [],
  }
}
