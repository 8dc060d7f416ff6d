// Redeems a code: one statement in one commit consumes it, and reads what its tokens are made of.
import { grantedByCode, grantedOf, grantedValues } from './accounts.ts'
import type { GrantQuery, GrantedAccount, GrantedRow } from './accounts.ts'
import { insertMark } from '../tokens/one-time.ts'
import { familyInsert, familyValues } from '../tokens/grants.ts'
import type { NewFamily } from '../tokens/grants.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'
import { isUuid } from '../people/user.ts'
import { countsAtOnce, termsValues } from '../tokens/what-counts.ts'
import type { ClientTerms } from '../tokens/what-counts.ts'

export interface Redemption extends GrantQuery {
  readonly jti: string
  readonly expiresAt: Date
  /** Those of the client that shows it. */
  readonly terms: ClientTerms
  /** Undefined when the client gets no refresh token. */
  readonly family: NewFamily | undefined
}

export interface Redeemed {
  /** As `Accounts.loadGranted` reads it. */
  readonly account: GrantedAccount | undefined
  /** Whether this call has used the code up. It has not where the code was used before, where the grant has ended or is not for the client as it is now, and
   *  where another source has to be asked about the person first; `grants.spendCode` does it then. */
  readonly spent: boolean
  readonly family: { readonly seq: number; readonly rotatedAt: number } | undefined
}

export interface Redemptions {
  redeem(code: Redemption): Promise<Redeemed>
}

type RedeemedRow = GrantedRow & { spent: boolean; seq: number | null; rotated_at: Date | null }

// The caller judges what was read again, and would then refuse a code that is consumed already. So this statement consumes nothing that would be refused.
const redeem = statement<RedeemedRow>(
  'code-redeem',
  `WITH about AS (${grantedByCode}),
   mark AS (${insertMark({ kind: "'code'", id: '$jti', ends: '$ends', from: 'about', when: countsAtOnce('about') })}),
   family AS (${familyInsert('SELECT grant_id AS id FROM about, mark')})
   SELECT about.*, EXISTS (SELECT FROM mark) AS spent, family.seq, family.rotated_at FROM about LEFT JOIN family ON true`,
  { hasWritten: ([row]: readonly RedeemedRow[]) => row?.spent === true },
)

export function createRedemptions({ database }: { database: Connection }): Redemptions {
  return {
    async redeem({ jti, expiresAt, terms, family, ...query }) {
      if (!isUuid(query.userId)) return { account: undefined, spent: false, family: undefined }
      const code = { ...grantedValues(query), jti, ends: expiresAt }
      const values = { ...code, ...familyValues(family), ...termsValues(terms) }
      const [row] = await database.query(redeem, values)
      if (row === undefined) return { account: undefined, spent: false, family: undefined }
      const { spent, seq, rotated_at: rotatedAt } = row
      const begun = seq === null || rotatedAt === null ? undefined : { seq, rotatedAt: rotatedAt.getTime() }
      return { account: grantedOf(row), spent, family: begun }
    },
  }
}
