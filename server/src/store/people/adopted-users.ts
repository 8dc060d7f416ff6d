// The records of people whom another source describes: only that source's lasting name of a person leads to a record.
import { randomUUID } from 'node:crypto'
import type { FactorKind } from '../../factor-kind.ts'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { StoreChanges } from '../cache/changes.ts'
import { statement } from '../driver/database.ts'
import type { Database } from '../driver/database.ts'
import { factorKinds, standing } from './standing.ts'
import { asRefused, described, isNameRefused, namesOf } from './user-names.ts'
import { groupsOf, preferencesOf, sourceIs, sourceOf, userOf } from './user.ts'
import type { Person, User, UserRow } from './user.ts'

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

export interface AdoptedUsers {
  /** Writes the record of somebody who signed in with another source: creates it the first time, updates its names later. Only the
   *  source's lasting name leads to a record, never an equal user name or e-mail address.
   *  @param audit written when the record is new
   *  @throws CodedError USERNAME_TAKEN, EMAIL_TAKEN when somebody else has that name here, USERNAME_INVALID, EMAIL_INVALID */
  adopt(found: FoundPerson, audit: readonly AuditEvent[]): Promise<Adopted>
  /** Brings the record to what its source says now, while the person has a session. A user name and an e-mail address that somebody else has
   *  here are not taken.
   *  @returns undefined when nothing was changed since one of them is taken, or is none */
  follow(userId: string, person: Person): Promise<User | undefined>
  /** @returns the record as it is; undefined when this person was never here */
  findAdopted(found: { source: string; key: string }): Promise<Adopted | undefined>
}

const each = (columns: string, table: string): string => columns.replace(/\w+/g, `${table}.$&`)
const adopt = statement<AdoptedRow & { is_new: boolean }>(
  'user-adopt',
  `WITH found AS (INSERT INTO user_sources (user_id, source, source_key) VALUES ($1, $2, $3)
     ON CONFLICT (source, source_key) DO UPDATE SET source = excluded.source RETURNING user_id),
   kept AS (INSERT INTO users (id, ${described})
     SELECT user_id, $4, $5, $6, $7, $8::boolean, $9, $10, $11::jsonb FROM found
     ON CONFLICT (id) DO UPDATE SET (${described}) = (${each(described, 'excluded')}),
       updated_at = CASE WHEN (${each(described, 'users')}) IS DISTINCT FROM (${each(described, 'excluded')}) THEN now() ELSE users.updated_at END
     RETURNING *, xmax = 0 AS is_new),
   made AS (SELECT FROM kept WHERE is_new),
   ${audited('made')}
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

interface AdoptedNeeds {
  readonly database: Database
  readonly audit: AuditRows
  readonly changes: StoreChanges
}

export const createAdoptedUsers = (needs: AdoptedNeeds): AdoptedUsers => ({
  adopt: (found, events) => adoptUser(needs, found, events),
  follow: (userId, person) => followSource(needs, userId, person),
  findAdopted: async ({ source, key }) => (await needs.database.query(findAdopted, [source, key])).map(adoptedOf)[0],
})

async function adoptUser(needs: AdoptedNeeds, { source, key, person }: FoundPerson, events: readonly AuditEvent[]) {
  const id = randomUUID()
  const about = events.map((event) => ({ userId: id, ...event }))
  const values = [id, source, key, ...namesOf(person)]
  const isNew = ([row]: readonly { is_new: boolean }[]) => row!.is_new
  const [row] = await asRefused(person, () => runAudited(needs, adopt, values, about, isNew))
  if (!row!.is_new) await needs.changes.report(row!.id)
  return adoptedOf(row!)
}

type AdoptedRow = UserRow & { readonly standing: string; readonly factors: readonly FactorKind[] }

const adoptedOf = (row: AdoptedRow): Adopted => ({ user: userOf(row), standing: row.standing, factors: row.factors })

async function followSource(
  { database, changes }: AdoptedNeeds,
  userId: string,
  person: Person,
): Promise<User | undefined> {
  try {
    const [row] = await asRefused(person, () => database.query(follow, [userId, ...namesOf(person)]))
    if (row === undefined) return undefined
    await changes.report(userId)
    return userOf(row)
  } catch (error) {
    if (isNameRefused(error)) return undefined
    throw error
  }
}
