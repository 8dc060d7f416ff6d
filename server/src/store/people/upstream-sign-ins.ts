// What a sign-in at another provider leads to: an account that is there, or a new one.
import { randomUUID } from 'node:crypto'
import { hasCode } from '@nauthera/runtime/coded-error'
import type { FactorKind } from '../../factor-kind.ts'
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { canonicalName } from './canonical-name.ts'
import type { StoreChanges } from '../cache/changes.ts'
import type { OutboxRows } from '../outbox/outbox-rows.ts'
import { fromNow, statement } from '../driver/database.ts'
import type { Database } from '../driver/database.ts'
import { violates } from '../driver/postgres-errors.ts'
import { factorKinds, standing } from './standing.ts'
import { isStrong } from './upstream-identity.ts'
import { insertMark } from '../tokens/one-time.ts'
import type { UpstreamIdentity } from './upstream-identity.ts'
import { preferencesOf, readPreferences } from './user.ts'
import type { Person, PersonalPreferences } from './user.ts'
import { asRefused, described, isNameRefused, namesOf, otherNames } from './user-names.ts'

/** What the provider said at this sign-in. */
export interface UpstreamSignIn extends UpstreamIdentity {
  readonly person: Omit<Person, 'disabled'>
  /** Milliseconds: how long that counts. */
  readonly maxAgeMs: number
}

/** The account that an identity leads to. */
export interface LinkedAccount {
  readonly id: string
  readonly username: string
  readonly name: string | undefined
  readonly locale: string | undefined
  readonly preferences: PersonalPreferences | undefined
  readonly disabled: boolean
  /** Opaque, as in `LoadedAccount`. */
  readonly standing: string
  /** A sign-in before this instant is not valid any more: all sessions of the account were ended then. */
  readonly validAfter: Date | undefined
  /** Whether the provider may vouch for a second factor: the identity brought the account, or was linked by a sign-in that proved one. */
  readonly isStrong: boolean
  /** What decides about a second factor; undefined where a source elsewhere says the groups of the person. */
  readonly known: { readonly groups: readonly string[]; readonly factors: readonly FactorKind[] } | undefined
}

export type UpstreamSignInOutcome =
  | { readonly kind: 'linked'; readonly account: LinkedAccount }
  /** No account has this identity. */
  | { readonly kind: 'unknown' }
  /** The answer of the provider was used before. */
  | { readonly kind: 'spent' }

export type CreateOutcome =
  | { readonly kind: 'linked'; readonly account: LinkedAccount }
  /** Another account has that user name or e-mail address. */
  | { readonly kind: 'taken'; readonly what: 'username' | 'email' }

/** What a sign-in at another provider leads to. */
export interface UpstreamSignIns {
  /** Marks the answer of the provider as used, and finds the account. What the provider says replaces what it said before: the groups, and of
   *  people whom this identity brought also name and e-mail address, while nobody else here has them.
   *  @param mark of this answer; only the first caller passes */
  signIn(signIn: UpstreamSignIn, mark: { id: string; expiresAt: Date }): Promise<UpstreamSignInOutcome>
  /** Makes an account for somebody who was never here. An equal name or address never leads to an account that is there.
   *  @throws CodedError USERNAME_INVALID */
  create(signIn: UpstreamSignIn, audit: readonly AuditEvent[]): Promise<CreateOutcome>
}

export interface UpstreamNeeds {
  readonly database: Database
  readonly audit: AuditRows
  readonly outbox: OutboxRows
  readonly changes: StoreChanges
}

const account = `u.id, u.username, u.name, u.locale, ${preferencesOf}, u.disabled_at IS NOT NULL AS disabled, ${standing} AS standing,
  nullif(u.sessions_valid_after, '-infinity') AS valid_after`
// what this sign-in says is not in the table yet for the rest of its statement
const groupsNow = `ARRAY(SELECT n.name FROM (
    SELECT g.name FROM group_members m JOIN groups g ON g.id = m.group_id WHERE m.user_id = u.id
    UNION SELECT unnest(l.groups) FROM upstream_links l
      WHERE l.user_id = u.id AND l.valid_until > now() AND (l.issuer, l.subject) IS DISTINCT FROM ($3, $4)
    UNION SELECT unnest($6::text[])) n ORDER BY n.name) AS groups`
const isElsewhere = `EXISTS (SELECT FROM user_sources s WHERE s.user_id = u.id AND s.source <> $5) AS elsewhere`
// A user name that is the old e-mail address follows the new one: it may not differ from it. Without a new one it is $15: nobody else has that.
const signIn = statement<FoundRow>(
  'upstream-sign-in',
  `WITH mark AS (${insertMark({ kind: "'upstream'", id: '$1', ends: '$2', when: '$1::text IS NOT NULL' })}),
   passed AS (SELECT WHERE $1::text IS NULL OR EXISTS (SELECT FROM mark)),
   linked AS (
     UPDATE upstream_links l SET upstream = $5, groups = $6::text[], signed_in_at = now(), valid_until = ${fromNow('$7')}
     WHERE issuer = $3 AND subject = $4 AND EXISTS (SELECT FROM passed) RETURNING user_id, ${isStrong} AS is_strong),
   described AS (
     UPDATE users u SET
       (username, canonical_username, email, canonical_email, email_verified, name, locale, profile, updated_at) =
       (SELECT CASE WHEN n.follows THEN coalesce($9, $15) ELSE u.username END, CASE WHEN n.follows THEN coalesce($10, $16) ELSE u.canonical_username END,
          $9, $10, $11::boolean, $12, $13, $14::jsonb,
          CASE WHEN (u.canonical_email, u.email_verified, u.name, u.locale, u.profile)
            IS DISTINCT FROM ($10, $11::boolean, $12, $13, $14::jsonb) THEN now() ELSE u.updated_at END
        FROM (SELECT position('@' IN u.canonical_username) > 0 AS follows) n)
     FROM linked, user_sources s
     WHERE u.id = linked.user_id AND s.user_id = u.id AND s.source = $5 AND s.source_key = $3 || ' ' || $4 AND $8::boolean RETURNING u.id)
   SELECT EXISTS (SELECT FROM passed) AS passed, ${account}, linked.is_strong, ${factorKinds}, ${groupsNow}, ${isElsewhere}
   FROM (SELECT) one LEFT JOIN linked ON true LEFT JOIN users u ON u.id = linked.user_id`,
)
const create = statement<Row>(
  'upstream-create',
  `WITH new AS (INSERT INTO users (id, ${described}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *),
   origin AS (INSERT INTO user_sources (user_id, source, source_key) SELECT id, $10, $11 || ' ' || $12 FROM new),
   link AS (INSERT INTO upstream_links (issuer, subject, user_id, upstream, groups, valid_until)
     SELECT $11, $12, id, $10, $13::text[], ${fromNow('$14')} FROM new),
   ${audited()}
   SELECT ${account}, true AS is_strong FROM new u`,
)
const emailOwner = statement('upstream-email-owner', 'SELECT true AS taken FROM users WHERE canonical_email = $1')

interface Row {
  readonly passed: boolean
  readonly id: string | null
  readonly username: string
  readonly name: string | null
  readonly locale: string | null
  readonly preferences: unknown
  readonly disabled: boolean
  readonly standing: string
  readonly valid_after: Date | null
  readonly is_strong: boolean
}

type FoundRow = Row & {
  readonly factors: readonly FactorKind[]
  readonly groups: readonly string[]
  readonly elsewhere: boolean
}

export const createUpstreamSignIns = (needs: UpstreamNeeds): UpstreamSignIns => ({
  signIn: (asked, mark) => findAccount(needs, asked, mark),
  create: (asked, events) => createAccount(needs, asked, events),
})

type Mark = { readonly id: string; readonly expiresAt: Date } | undefined

async function findAccount(needs: UpstreamNeeds, asked: UpstreamSignIn, mark: Mark): Promise<UpstreamSignInOutcome> {
  const ask = (describe: boolean) => needs.database.query(signIn, valuesOf(asked, mark, describe))
  let rows: FoundRow[]
  try {
    rows = await asRefused(asked.person, () => ask(true))
  } catch (error) {
    // somebody else has the new name here: the old description stays, and the person gets in
    if (!isNameRefused(error)) throw error
    rows = await ask(false)
  }
  const row = rows[0]!
  if (!row.passed) return { kind: 'spent' }
  if (row.id === null) return { kind: 'unknown' }
  await needs.changes.report(row.id)
  const { groups, factors, elsewhere } = row
  return { kind: 'linked', account: accountOf(row, row.id, elsewhere ? undefined : { groups, factors }) }
}

function valuesOf({ issuer, subject, upstream, person, maxAgeMs }: UpstreamSignIn, mark: Mark, describe: boolean) {
  const [, , ...rest] = namesOf(person)
  const identity = [mark?.id ?? null, mark?.expiresAt ?? null, issuer, subject, upstream]
  const sure = otherNames(person.username, { subject, upstream }).at(-1)!
  return [...identity, person.groups, maxAgeMs, describe, ...rest, sure, canonicalName(sure)]
}

async function createAccount(
  needs: UpstreamNeeds,
  asked: UpstreamSignIn,
  events: readonly AuditEvent[],
): Promise<CreateOutcome> {
  const { issuer, subject, upstream, person, maxAgeMs } = asked
  const id = randomUUID()
  const about = events.map((event) => ({ userId: id, ...event }))
  const identity = [upstream, issuer, subject, person.groups, maxAgeMs]
  const values = [id, ...namesOf(person), ...identity]
  try {
    const [row] = await asRefused(person, () => runAudited(needs, create, values, about))
    return { kind: 'linked', account: accountOf(row!, id, { groups: person.groups, factors: [] }) }
  } catch (error) {
    const isTaken = hasCode(error, 'USERNAME_TAKEN', 'EMAIL_TAKEN')
    if (!isTaken && !violates(error, 'upstream_links_pkey') && !violates(error, 'user_sources_key')) throw error
    // the same person may have come in at the same moment in another tab, and has these names by now
    const again = await findAccount(needs, asked, undefined)
    if (again.kind === 'linked') return again
    if (!isTaken) throw error
    return { kind: 'taken', what: (await hasOwner(needs, asked)) ? 'email' : 'username' }
  }
}

async function hasOwner({ database }: UpstreamNeeds, { person }: UpstreamSignIn): Promise<boolean> {
  const [, , , canonicalEmail] = namesOf(person)
  return canonicalEmail !== null && (await database.query(emailOwner, [canonicalEmail])).length > 0
}

const accountOf = (row: Row, id: string, known: LinkedAccount['known']): LinkedAccount => ({
  id,
  username: row.username,
  name: row.name ?? undefined,
  locale: row.locale ?? undefined,
  preferences: readPreferences(row.preferences),
  disabled: row.disabled,
  standing: row.standing,
  validAfter: row.valid_after ?? undefined,
  isStrong: row.is_strong,
  known,
})
