// Loads a person with everything that is checked: one query for sign-ins and pages, a lighter one for codes and tokens.
import type { FactorKind } from '../../factor-kind.ts'
import { consentOf } from '../people/consents.ts'
import type { Consent, ConsentRow } from '../people/consents.ts'
import { grantOf, ownersOf, parentsOf } from '../tokens/grants.ts'
import type { StoredGrant, GrantOwner, ParentRows } from '../tokens/grants.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'
import { factorKinds, standing } from '../people/standing.ts'
import { groupsOf, isUuid, preferencesOf, sourceOf, userOf } from '../people/user.ts'
import type { User, UserRow } from '../people/user.ts'
import { isAliveRow } from '../tokens/what-counts.ts'

interface SessionQuery {
  readonly userId: string
  readonly session?: { readonly uid: string; readonly version: number; readonly authTime: Date } | undefined
}

export interface AccountQuery extends SessionQuery {
  readonly clientUid?: string | undefined
}

export interface GrantQuery extends SessionQuery {
  readonly grantId: string
}

interface Person {
  readonly user: User
  /** Whether the session that was asked for is alive: its row is there, neither ended nor expired, its version is not newer, and the
   *  person's sessions were not all ended since. True when no session was asked for. */
  readonly sessionLive: boolean
}

export interface LoadedAccount extends Person {
  /** Opaque. It changes when a password is set or all sessions are ended (standing.ts). */
  readonly standing: string
  /** The kinds of their second factors. */
  readonly factors: readonly FactorKind[]
  readonly consent: Consent | undefined
}

/** The person of a grant, without what no token depends on: preferences. */
export interface GrantedAccount extends Person {
  /** Undefined when it is not alive, or not this person's. */
  readonly grant: StoredGrant | undefined
  /** The clients of the grants that it came from by exchange, that of the sign-in first. */
  readonly grantFrom: readonly GrantOwner[]
  /** Of the newest refresh token of that grant, while its family is alive. Not asked for an access token. */
  readonly refreshSeq: number | undefined
}

const sessionLive = `($sessionUid::text IS NULL OR (d.version <= $version AND greatest(d.auth_time, $authTime::timestamptz) >= date_trunc('second', u.sessions_valid_after))) IS TRUE
       AS session_live`
// IS TRUE, here and below, makes PostgreSQL use the row's key: the index of a person's rows may lead to many
const joinSession = `LEFT JOIN devices d ON d.session_uid = $sessionUid AND d.client_uid = '' AND (d.user_id = u.id) IS TRUE AND ${isAliveRow('d')}`
const load = statement<AccountRow>(
  'account-load',
  `SELECT u.*, ${sourceOf}, ${groupsOf}, ${preferencesOf}, ${factorKinds}, ${standing} AS standing, ${sessionLive}, to_jsonb(c) AS consent_row
   FROM users u ${joinSession}
   LEFT JOIN consents c ON c.user_id = u.id AND c.client_uid = $clientUid
   WHERE u.id = $userId`,
)
const columns =
  'username, email, email_verified, name, locale, profile, password_change_required, disabled_at, created_at, updated_at'
interface GrantedParts {
  readonly session: { readonly isLive: string; readonly join: string }
  /** The column `parents`. */
  readonly parents: string
  /** Whether to read the newest refresh token too; access tokens do not need it. */
  readonly family: { readonly seq: string; readonly join: string }
}

/** SQL: the person with a grant, as a GrantedRow. */
const grantedSelect = ({ session, parents, family }: GrantedParts): string =>
  `SELECT u.id, ${columns
    .split(', ')
    .map((column) => `u.${column}`)
    .join(', ')}, ${sourceOf}, ${groupsOf}, ${session.isLive},
     t.id AS grant_id, t.client_uid, t.client_id, t.session_uid, t.offline, t.payload, t.created_at AS granted_at, t.expires_at AS granted_until,
     ${parents}, ${family.seq} AS refresh_seq
   FROM users u ${session.join}
   LEFT JOIN grants t ON t.id = $grantId AND (t.user_id = u.id) IS TRUE AND ${isAliveRow('t')}
   ${family.join}
   WHERE u.id = $userId`
const ofSession = { isLive: sessionLive, join: joinSession }
const noFamily = { seq: 'NULL::integer', join: '' }
const newest = {
  seq: 'f.seq',
  join: `LEFT JOIN refresh_families f ON f.grant_id = t.id AND ${isAliveRow('f')}`,
}
const loadGranted = statement<GrantedRow>(
  'account-load-granted',
  grantedSelect({ session: ofSession, parents: parentsOf, family: newest }),
)
const loadOfToken = statement<GrantedRow>(
  'account-load-of-token',
  grantedSelect({
    session: { isLive: 'true AS session_live', join: '' },
    parents: parentsOf,
    family: noFamily,
  }),
)
/** SQL, with the parameters of `grantedValues`: what a refresh token is judged by, without its family. */
export const grantedByRefresh = grantedSelect({
  session: ofSession,
  parents: parentsOf,
  family: noFamily,
})
/** SQL, with the same parameters, for a code that is used for the first time: its grant came from no other one, and has no tokens yet. */
export const grantedByCode = grantedSelect({
  session: ofSession,
  parents: `'{}'::jsonb[] AS parents`,
  family: noFamily,
})

type AccountRow = UserRow & {
  readonly standing: string
  readonly factors: readonly FactorKind[]
  readonly session_live: boolean
  readonly consent_row: ConsentRow | null
}

export type GrantedRow = UserRow & {
  readonly session_live: boolean
  readonly parents: ParentRows
  readonly refresh_seq: number | null
} & (
    | { readonly grant_id: null }
    | {
        readonly grant_id: string
        readonly client_uid: string
        readonly client_id: string
        readonly session_uid: string | null
        readonly offline: boolean
        readonly payload: unknown
        readonly granted_at: Date
        readonly granted_until: Date
      }
  )

export interface Accounts {
  /** One query for everything.
   *  @returns the person as recorded here; `users/sources/user-sources.ts` adds what the source says. Undefined for an unknown id (an id that
   *  is no UUID is unknown) */
  load(query: AccountQuery): Promise<LoadedAccount | undefined>
  /** The same for a code or token, with its grant. */
  loadGranted(query: GrantQuery): Promise<GrantedAccount | undefined>
  /** The same for an access token, which names no session. */
  loadOfToken(query: Pick<GrantQuery, 'userId' | 'grantId'>): Promise<GrantedAccount | undefined>
}

export function createAccounts({ database }: { database: Connection }): Accounts {
  return {
    async load({ userId, session, clientUid }) {
      if (!isUuid(userId)) return undefined
      const values = { userId, ...sessionValues(session), clientUid }
      return (await database.query(load, values)).map(accountOf)[0]
    },
    async loadGranted({ userId, session, grantId }) {
      if (!isUuid(userId)) return undefined
      return (await database.query(loadGranted, grantedValues({ userId, session, grantId }))).map(grantedOf)[0]
    },
    async loadOfToken({ userId, grantId }) {
      if (!isUuid(userId)) return undefined
      return (await database.query(loadOfToken, { userId, grantId })).map(grantedOf)[0]
    },
  }
}

export const grantedValues = ({ userId, session, grantId }: GrantQuery) => ({
  userId,
  grantId,
  ...sessionValues(session),
})

const sessionValues = (session: SessionQuery['session']) => ({
  sessionUid: session?.uid,
  version: session?.version,
  authTime: session?.authTime,
})

const accountOf = (row: AccountRow): LoadedAccount => ({
  user: userOf(row),
  standing: row.standing,
  factors: row.factors,
  sessionLive: row.session_live,
  consent: row.consent_row === null ? undefined : consentOf(row.consent_row),
})

export function grantedOf(row: GrantedRow): GrantedAccount {
  const grantFrom = ownersOf(row.parents)
  const person = { user: userOf(row), sessionLive: row.session_live }
  if (row.grant_id === null || grantFrom === undefined)
    return { ...person, grant: undefined, grantFrom: [], refreshSeq: undefined }
  const grant = grantOf({
    id: row.grant_id,
    user_id: row.id,
    client_uid: row.client_uid,
    client_id: row.client_id,
    session_uid: row.session_uid,
    offline: row.offline,
    payload: row.payload,
    created_at: row.granted_at,
    expires_at: row.granted_until,
  })
  return { ...person, grant, grantFrom, refreshSeq: row.refresh_seq ?? undefined }
}
