// One query that reads everything an authorization, a refresh or a page checks about a person.
import { consentOf } from './consents.ts'
import type { Consent, ConsentRow } from './consents.ts'
import { grantOf, isAlive } from './grants.ts'
import type { Grant, GrantOwner, GrantRow } from './grants.ts'
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'
import { preferencesOf } from './preferences.ts'
import { stateOf } from './refresh-families.ts'
import type { FamilyRow, FamilyState } from './refresh-families.ts'
import { factorKinds, standing } from './standing.ts'
import type { FactorKind } from './standing.ts'
import { groupsOf, isUuid, sourceOf, userOf } from './users.ts'
import type { User, UserRow } from './users.ts'

export interface AccountQuery {
  readonly userId: string
  readonly session?: { readonly uid: string; readonly version: number; readonly authTime: Date } | undefined
  readonly grantId?: string | undefined
  readonly clientUid?: string | undefined
}

export interface LoadedAccount {
  readonly user: User
  /** Opaque. It changes when a password is set or all sessions are ended (standing.ts). */
  readonly standing: string
  /** The kinds of their second factors. */
  readonly factors: readonly FactorKind[]
  /** Whether the session that was asked for is alive: its row is there, neither ended nor expired, its version is not newer, and the
   *  person's sessions were not all ended since. True when no session was asked for. */
  readonly sessionLive: boolean
  /** Undefined when it is not alive, not this person's, or was not asked for. */
  readonly grant: Grant | undefined
  /** The clients of the grants that it came from by exchange, that of the sign-in first. */
  readonly grantFrom: readonly GrantOwner[]
  readonly consent: Consent | undefined
  /** The refresh family of that grant, while it is alive. */
  readonly family: FamilyState | undefined
}

const load = statement(
  'user-load-account',
  `SELECT u.*, ${sourceOf}, ${groupsOf}, ${preferencesOf}, ${factorKinds}, ${standing} AS standing,
     ($2::text IS NULL OR (d.version <= $3 AND greatest(d.auth_time, $4::timestamptz) >= date_trunc('second', u.sessions_valid_after))) IS TRUE
       AS session_live,
     (SELECT jsonb_agg(jsonb_build_object('clientUid', p.client_uid, 'clientId', p.client_id)
        ORDER BY (SELECT count(*) FROM grant_parents y WHERE y.grant_id = p.id))
      FROM grant_parents x JOIN grants p ON p.id = x.parent_id WHERE x.grant_id = t.id) AS grant_from,
     to_jsonb(t) AS grant_row, to_jsonb(c) AS consent_row, to_jsonb(f) AS family_row
   FROM users u
   LEFT JOIN devices d ON d.session_uid = $2 AND d.client_uid = '' AND d.user_id = u.id AND d.revoked_at IS NULL AND d.expires_at > now()
   LEFT JOIN grants t ON t.id = $5 AND t.user_id = u.id AND ${isAlive('t')}
   LEFT JOIN refresh_families f ON f.grant_id = t.id AND f.revoked_at IS NULL AND f.expires_at > now()
   LEFT JOIN consents c ON c.user_id = u.id AND c.client_uid = $6
   WHERE u.id = $1`,
)

type AccountRow = UserRow & {
  readonly standing: string
  readonly factors: readonly FactorKind[]
  readonly session_live: boolean
  readonly grant_row: GrantRow | null
  readonly grant_from: readonly GrantOwner[] | null
  readonly consent_row: ConsentRow | null
  readonly family_row: FamilyRow | null
}

export interface Accounts {
  /** One query for everything.
   *  @returns the person as recorded here; `users/user-sources.ts` adds what the source says. Undefined for an unknown id (an id that
   *  is no UUID is unknown) */
  load(query: AccountQuery): Promise<LoadedAccount | undefined>
}

export function createAccounts(needs: { database: Connection }): Accounts {
  return {
    async load({ userId, session, grantId, clientUid }) {
      if (!isUuid(userId)) return undefined
      const ofSession = [session?.uid ?? null, session?.version ?? null, session?.authTime ?? null]
      const values = [userId, ...ofSession, grantId ?? null, clientUid ?? null]
      return (await needs.database.query<AccountRow>(load, values)).map(accountOf)[0]
    },
  }
}

const accountOf = (row: AccountRow): LoadedAccount => ({
  user: userOf(row),
  standing: row.standing,
  factors: row.factors,
  sessionLive: row.session_live,
  grant: row.grant_row === null ? undefined : grantOf(row.grant_row),
  grantFrom: row.grant_from ?? [],
  consent: row.consent_row === null ? undefined : consentOf(row.consent_row),
  family: row.family_row === null ? undefined : stateOf(row.family_row),
})
