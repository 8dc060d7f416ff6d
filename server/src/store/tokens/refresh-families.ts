// A refresh family is one row for each grant. Its seq says which refresh token is the current one; the tokens are not stored.
import { auditInsert } from '../audit/audit.ts'
import type { AuditEvent, AuditRows } from '../audit/audit.ts'
import type { StoreChanges } from '../cache/changes.ts'
import type { NewFamily } from './grants.ts'
import { statement } from '../driver/postgres.ts'
import type { Connection } from '../driver/postgres.ts'
import { isAliveRow } from './what-counts.ts'

/** What a refresh token is derived from, besides its grant. */
export interface FamilyState {
  readonly seq: number
  /** Epoch milliseconds by the database's clock. */
  readonly rotatedAt: number
  readonly payload: Readonly<Record<string, unknown>>
  /** Epoch milliseconds: when the family ends unless it is used before. */
  readonly expiresAt: number
}

export type RotateOutcome =
  /** `repeated`: the token before the current one, within the grace. It gets the same successor again (seq, rotatedAt). */
  | ({ readonly kind: 'rotated' | 'repeated' } & FamilyState)
  /** An older token: the family and the grant have been revoked. */
  | { readonly kind: 'reused' }
  /** Unknown, revoked or expired. */
  | { readonly kind: 'gone' }

interface NewestUse {
  readonly grantId: string
  readonly seq: number
  readonly idleTtlMs: number
}

export interface RefreshFamilies {
  insert(family: NewFamily & { grantId: string }): Promise<FamilyState>
  /** Makes the successor of token `seq`, when it is the newest of a living family. @returns undefined when it is not: then nothing was changed */
  rotateNewest(use: NewestUse): Promise<FamilyState | undefined>
  /** Makes the successor of token `seq`, in one statement; for any but the newest one in two. Of parallel calls one rotates, the others get the same
   *  successor.
   *  @param graceMs how long a used token still gets its successor again; 0: never
   *  @param keeps a use of the newest token makes no successor, and the family lives on as with one; a used one is refused all the same */
  rotate(use: {
    grantId: string
    seq: number
    graceMs: number
    idleTtlMs: number
    keeps?: boolean
    auditOnReuse: readonly AuditEvent[]
  }): Promise<RotateOutcome>
  /** Looks without rotating: for introspection, and for sender-constrained tokens that are never rotated.
   *  @returns undefined when the family is unknown, revoked or expired */
  find(grantId: string): Promise<FamilyState | undefined>
}

const insert = statement(
  'family-insert',
  `INSERT INTO refresh_families (grant_id, rotated_at, payload, expires_at, absolute_expires_at)
   VALUES ($1, date_trunc('milliseconds', now()), $2, now() + least($3::float8, $4::float8) * interval '1 millisecond',
     now() + $4::float8 * interval '1 millisecond')
   RETURNING seq, rotated_at, payload, expires_at`,
)
const isLive = `${isAliveRow('g')} AND ${isAliveRow('f')}`
const successorTime = "date_trunc('milliseconds', clock_timestamp())"
const livesOn = (idleMs: string) => `least(now() + ${idleMs}::float8 * interval '1 millisecond', f.absolute_expires_at)`
/** SQL, of `refresh_families f`: what makes the successor of its newest token. @param idleMs the parameter */
export const successor = (idleMs: string): string =>
  `seq = f.seq + 1, rotated_at = ${successorTime}, expires_at = ${livesOn(idleMs)}`
// The newest token of a living family, which is what nearly all show. A row that does not fit stays as it is, and `rotate` says why.
const rotateNewest = statement(
  'family-rotate-newest',
  `UPDATE refresh_families f SET
     seq = CASE WHEN $4::boolean THEN f.seq ELSE f.seq + 1 END,
     rotated_at = CASE WHEN $4::boolean THEN f.rotated_at ELSE ${successorTime} END,
     expires_at = ${livesOn('$3')}
   FROM grants g WHERE f.grant_id = $1 AND g.id = f.grant_id AND f.seq = $2 AND ${isLive}
   RETURNING f.seq, f.rotated_at, f.payload, f.expires_at`,
)
// One UPDATE decides: a parallel caller waits for the row, and then decides by its new values.
const rotate = statement(
  'family-rotate',
  `WITH family AS (
     UPDATE refresh_families f SET
       seq = CASE WHEN f.seq = $2 AND NOT $6::boolean THEN f.seq + 1 ELSE f.seq END,
       rotated_at = CASE WHEN f.seq = $2 AND NOT $6::boolean THEN ${successorTime} ELSE f.rotated_at END,
       expires_at = CASE WHEN f.seq = $2 THEN ${livesOn('$4')} ELSE f.expires_at END,
       revoked_at = CASE
         WHEN f.seq = $2 THEN NULL
         WHEN f.seq = $2 + 1 AND f.rotated_at + $3::float8 * interval '1 millisecond' > clock_timestamp() THEN NULL
         ELSE now() END,
       rotated_by = CASE WHEN f.seq = $2 AND NOT $6::boolean THEN pg_current_xact_id()::text ELSE f.rotated_by END
     FROM grants g
     WHERE f.grant_id = $1 AND g.id = f.grant_id AND f.seq >= $2 AND ${isLive}
     RETURNING f.*),
   dead AS (UPDATE grants SET revoked_at = now() WHERE id = (SELECT grant_id FROM family WHERE revoked_at IS NOT NULL)),
   written AS (${auditInsert('$5', ' WHERE EXISTS (SELECT FROM family WHERE revoked_at IS NOT NULL)')})
   SELECT seq, rotated_at, payload, expires_at, revoked_at, rotated_by = pg_current_xact_id()::text AS fresh FROM family`,
)
const find = statement(
  'family-find',
  `SELECT f.seq, f.rotated_at, f.payload, f.expires_at FROM refresh_families f JOIN grants g ON g.id = f.grant_id
   WHERE f.grant_id = $1 AND ${isLive}`,
)

export interface FamilyRow {
  readonly seq: number
  readonly rotated_at: Date | string
  readonly payload: Record<string, unknown>
  readonly expires_at: Date | string
}

export function createRefreshFamilies(needs: {
  database: Connection
  audit: AuditRows
  changes: StoreChanges
}): RefreshFamilies {
  const { database, audit, changes } = needs
  const useNewest = async ({ grantId, seq, idleTtlMs }: NewestUse, keeps: boolean): Promise<FamilyState | undefined> =>
    (await database.query<FamilyRow>(rotateNewest, [grantId, seq, idleTtlMs, keeps])).map(stateOf)[0]
  return {
    async insert(family) {
      const values = [family.grantId, JSON.stringify(family.payload), family.idleTtlMs, family.absoluteTtlMs]
      return stateOf((await database.query<FamilyRow>(insert, values))[0]!)
    },
    rotateNewest: async (use) => useNewest(use, false),
    async rotate({ grantId, seq, graceMs, idleTtlMs, keeps = false, auditOnReuse }) {
      const newest = await useNewest({ grantId, seq, idleTtlMs }, keeps)
      if (newest !== undefined) return { kind: keeps ? 'repeated' : 'rotated', ...newest }
      const values = [grantId, seq, graceMs, idleTtlMs, audit.rows(auditOnReuse), keeps]
      type Row = FamilyRow & { revoked_at: Date | null; fresh: boolean | null }
      const row = (await database.query<Row>(rotate, values))[0]
      if (row === undefined) return { kind: 'gone' }
      if (row.revoked_at !== null) {
        await changes.tell(grantId)
        audit.lines(auditOnReuse)
        return { kind: 'reused' }
      }
      return { kind: row.fresh === true ? 'rotated' : 'repeated', ...stateOf(row) }
    },
    find: async (grantId) => (await database.query<FamilyRow>(find, [grantId])).map(stateOf)[0],
  }
}

const stateOf = (row: FamilyRow): FamilyState => ({
  seq: row.seq,
  rotatedAt: new Date(row.rotated_at).getTime(),
  payload: row.payload,
  expiresAt: new Date(row.expires_at).getTime(),
})
