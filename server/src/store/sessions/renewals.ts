// A refresh in one statement: it reads what a refresh token is judged by, and makes the successor of the token where nothing is left to be asked. Where
// something is, such as a directory, the caller judges, and `RefreshFamilies.rotateNewest` makes it.
import { grantedByRefresh, grantedOf, grantedValues } from './accounts.ts'
import type { GrantQuery, GrantedAccount, GrantedRow } from './accounts.ts'
import { isUuid } from '../people/user.ts'
import { statement } from '../driver/postgres.ts'
import type { Connection } from '../driver/postgres.ts'
import { successor } from '../tokens/refresh-families.ts'
import type { FamilyState } from '../tokens/refresh-families.ts'
import { countsAtOnce, isAliveRow, termsValues } from '../tokens/what-counts.ts'
import type { ClientTerms } from '../tokens/what-counts.ts'

export interface Renewal extends GrantQuery {
  readonly seq: number
  readonly idleTtlMs: number
  /** Those of the client that shows it; undefined: whether it may have the successor is asked elsewhere. */
  readonly terms: ClientTerms | undefined
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
   rotated AS (UPDATE refresh_families f SET ${successor('$7')}
     FROM account a
     WHERE f.grant_id = a.grant_id AND f.seq = $6 AND ${isAliveRow('f')}
       AND ${countsAtOnce('a', { clientUid: '$8', sector: '$9', allowedGroups: '$10', strictGroups: '$11' })}
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
      const { seq, idleTtlMs, terms } = renewal
      const values = [...grantedValues(renewal), seq, idleTtlMs, ...termsValues(terms)]
      const [row] = await database.query<RenewedRow>(renew, values)
      return row && { account: grantedOf(row), family: familyOf(row) }
    },
  }
}
