// The refresh tokens of a grant are one row, its family: `seq` says which token is the newest, and the tokens are not stored. One statement reads what a
// token is judged by, and makes the successor of the newest one where nothing is left to be asked, or its caller has judged.
import { grantedByRefresh, grantedOf, grantedValues } from './accounts.ts'
import type { GrantQuery, GrantedAccount, GrantedRow } from './accounts.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import { isUuid } from '../people/user.ts'
import { fromNow, statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'
import type { Grants } from '../tokens/grants.ts'
import { countsAtOnce, isAliveRow, termsValues } from '../tokens/what-counts.ts'
import type { ClientTerms } from '../tokens/what-counts.ts'

/** What the newest refresh token is derived from, besides its grant. */
export interface FamilyState {
  readonly seq: number
  /** Epoch milliseconds by the database's clock. */
  readonly rotatedAt: number
  /** Epoch milliseconds: when the family ends unless it is used before. */
  readonly expiresAt: number
}

interface TokenUse extends GrantQuery {
  readonly seq: number
  readonly idleTtlMs: number
  /** No successor is made, and the family lives on as with one. */
  readonly keeps?: boolean
}

export interface Renewal extends TokenUse {
  /** Those of the client that shows it. `judged`: the caller knows that it counts; undefined: nothing is changed. */
  readonly terms: ClientTerms | 'judged' | undefined
}

export interface Renewed {
  readonly account: GrantedAccount
  /** After the rotation; undefined when nothing was changed. */
  readonly family: FamilyState | undefined
}

export type RotateOutcome =
  /** `repeated`: the token before the newest one, within the grace. It gets the same successor again (seq, rotatedAt). */
  | ({ readonly kind: 'rotated' | 'repeated' } & FamilyState)
  /** An older token: the family and the grant have been revoked. */
  | { readonly kind: 'reused' }
  /** Unknown, revoked or expired. */
  | { readonly kind: 'gone' }

export interface Renewals {
  /** The newest token of a living family. @returns undefined for an unknown person: then nothing was changed */
  renew(renewal: Renewal): Promise<Renewed | undefined>
  /** Any token, when its caller has judged. Of parallel calls one rotates, the others get the same successor.
   *  @param use.graceMs how long a used token still gets its successor again; 0: never */
  rotate(use: TokenUse & { graceMs: number; auditOnReuse: readonly AuditEvent[] }): Promise<RotateOutcome>
}

// One UPDATE decides: a parallel caller waits for the row, and finds that its token is not the newest. Then the row stays as it is, and the caller looks
// again: at a person of another source, a grant that came from another one, a session that has ended; `rotate` at the family.
const renew = statement<RenewedRow>(
  'account-renew',
  `WITH account AS MATERIALIZED (${grantedByRefresh}),
   rotated AS (UPDATE refresh_families f SET
       seq = CASE WHEN $keeps::boolean THEN f.seq ELSE f.seq + 1 END,
       rotated_at = CASE WHEN $keeps::boolean THEN f.rotated_at ELSE date_trunc('milliseconds', clock_timestamp()) END,
       expires_at = least(${fromNow('$idleTtlMs')}, f.absolute_expires_at)
     FROM account a
     WHERE f.grant_id = a.grant_id AND f.seq = $seq AND ${isAliveRow('f')} AND ($judged::boolean OR ${countsAtOnce('a')})
     RETURNING f.seq, f.rotated_at, f.expires_at)
   SELECT a.*, r.seq AS next_seq, r.rotated_at AS next_rotated_at, r.expires_at AS next_expires_at
   FROM account a LEFT JOIN rotated r ON true`,
  { hasWritten: ([row]: readonly RenewedRow[]) => row !== undefined && row.next_seq !== null },
)
const look = statement<FamilyRow & { repeats: boolean }>(
  'family-look',
  `SELECT f.seq, f.rotated_at, f.expires_at,
     f.seq = $seq + 1 AND f.rotated_at + $graceMs::float8 * interval '1 millisecond' > clock_timestamp() AS repeats
   FROM refresh_families f JOIN grants g ON g.id = f.grant_id
   WHERE f.grant_id = $grantId AND f.seq > $seq AND ${isAliveRow('f')} AND ${isAliveRow('g')}`,
)

interface FamilyRow {
  readonly seq: number
  readonly rotated_at: Date
  readonly expires_at: Date
}

type RenewedRow = GrantedRow & {
  readonly next_seq: number | null
  readonly next_rotated_at: Date
  readonly next_expires_at: Date
}

export function createRenewals(needs: { database: Connection; grants: Pick<Grants, 'revoke'> }): Renewals {
  const { database, grants } = needs
  const use = async ({ seq, idleTtlMs, keeps = false, terms, ...query }: Renewal): Promise<Renewed | undefined> => {
    if (!isUuid(query.userId)) return undefined
    const judged = terms === 'judged'
    const about = { ...grantedValues(query), seq, idleTtlMs, keeps, judged }
    const values = { ...about, ...termsValues(judged ? undefined : terms) }
    const [row] = await database.query(renew, values)
    if (row === undefined) return undefined
    const { next_seq, next_rotated_at: rotated_at, next_expires_at: expires_at } = row
    return {
      account: grantedOf(row),
      family: next_seq === null ? undefined : stateOf({ seq: next_seq, rotated_at, expires_at }),
    }
  }
  return {
    renew: use,
    async rotate({ graceMs, auditOnReuse, ...token }) {
      const newest = (await use({ ...token, terms: 'judged' }))?.family
      if (newest !== undefined) return { kind: token.keeps ? 'repeated' : 'rotated', ...newest }
      const values = { grantId: token.grantId, seq: token.seq, graceMs }
      const [row] = await database.query(look, values)
      if (row === undefined) return { kind: 'gone' }
      if (row.repeats) return { kind: 'repeated', ...stateOf(row) }
      await grants.revoke(token.grantId, auditOnReuse)
      return { kind: 'reused' }
    },
  }
}

const stateOf = (row: FamilyRow): FamilyState => ({
  seq: row.seq,
  rotatedAt: row.rotated_at.getTime(),
  expiresAt: row.expires_at.getTime(),
})
