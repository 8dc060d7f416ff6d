// A refresh in one statement: it reads what a refresh token is judged by, and makes the successor of the token where nothing is left to be asked. Where
// something is, such as a directory, the caller judges, and `RefreshFamilies.rotateNewest` makes it.
import { grantedByRefresh, grantedOf, grantedValues } from './accounts.ts'
import type { GrantQuery, GrantedAccount, GrantedRow } from './accounts.ts'
import { isUuid } from '../people/user.ts'
import { statement } from '../driver/postgres.ts'
import type { Connection } from '../driver/postgres.ts'
import type { FamilyState } from '../tokens/refresh-families.ts'

export interface Renewal extends GrantQuery {
  readonly seq: number
  readonly idleTtlMs: number
  /** What the grant has to say, so that its client may have the successor at once; undefined: whether it may is asked elsewhere. */
  readonly atOnce:
    | {
        readonly clientUid: string
        readonly sector: string | undefined
        /** Groups that want a better sign-in of their members. */
        readonly notOf?: readonly string[]
      }
    | undefined
}

export interface Renewed {
  readonly account: GrantedAccount
  /** After the rotation; undefined when nothing was changed. */
  readonly family: Omit<FamilyState, 'payload'> | undefined
}

export interface Renewals {
  /** @returns undefined for an unknown person: then nothing was changed */
  renew(renewal: Renewal): Promise<Renewed | undefined>
}

// The newest token of a living family, as in refresh-families.ts. What keeps it from its successor here is looked at again by the caller, who knows
// more: a person of another source, a grant that came from another one, a session that has ended.
const renew = statement(
  'account-renew',
  `WITH account AS MATERIALIZED (${grantedByRefresh}),
   rotated AS (UPDATE refresh_families f SET seq = f.seq + 1, rotated_at = date_trunc('milliseconds', clock_timestamp()),
       expires_at = least(now() + $7::float8 * interval '1 millisecond', f.absolute_expires_at)
     FROM account a
     WHERE f.grant_id = a.grant_id AND f.seq = $6 AND f.revoked_at IS NULL AND f.expires_at > now()
       AND a.client_uid = $8 AND a.payload->>'sector' IS NOT DISTINCT FROM $9
       AND a.disabled_at IS NULL AND a.comes_from IS NULL AND cardinality(a.parents) = 0 AND (a.offline OR a.session_live)
       AND ($10::text[] = '{}' OR NOT (a.own_groups && $10::text[] OR EXISTS (SELECT FROM unnest(a.links) l WHERE l->'groups' ?| $10::text[])))
     RETURNING f.seq, f.rotated_at, f.expires_at)
   SELECT a.*, r.seq AS next_seq, r.rotated_at AS next_rotated_at, r.expires_at AS next_expires_at
   FROM account a LEFT JOIN rotated r ON true`,
  { hasWritten: ([row]: readonly RenewedRow[]) => row !== undefined && row.next_seq !== null },
)

type RenewedRow = GrantedRow & {
  readonly next_seq: number | null
  readonly next_rotated_at: Date
  readonly next_expires_at: Date
}

const familyOf = ({ next_seq: seq, next_rotated_at, next_expires_at }: RenewedRow): Renewed['family'] =>
  seq === null ? undefined : { seq, rotatedAt: next_rotated_at.getTime(), expiresAt: next_expires_at.getTime() }

export function createRenewals({ database }: { database: Connection }): Renewals {
  return {
    async renew(renewal) {
      if (!isUuid(renewal.userId)) return undefined
      const { seq, idleTtlMs, atOnce } = renewal
      const family = [seq, idleTtlMs, atOnce?.clientUid ?? null, atOnce?.sector ?? null, atOnce?.notOf ?? []]
      const [row] = await database.query<RenewedRow>(renew, [...grantedValues(renewal), ...family])
      return row && { account: grantedOf(row), family: familyOf(row) }
    },
  }
}
