// Marks that make a value single-use. One conditional INSERT decides, the same for every replica; nothing else does. A replica may be late, and take a
// value for longer than its mark is kept. So the clock of the database alone judges both: when a mark may be gone, and that its value works no more.
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

export type MarkKind =
  | 'code'
  | 'jti'
  /** A pushed request gave its code (pushed-requests.ts). */
  | 'par'
  | 'interaction'
  /** The audit log was told that a key is active (keys.ts). */
  | 'key-active'
  /** An opaque token that has no grant, and was revoked. */
  | 'revoked'
  /** The answer of another provider was used (upstream-links.ts). */
  | 'upstream'
  /** A challenge for a passkey was answered (factors.ts). */
  | 'challenge'

export interface OneTime {
  /** @param expiresAt when the marked thing expires anyway; some time after that the mark is removed
   *  @returns true for the first caller only, and for nobody once the mark may be gone. After an error treat it as used: the INSERT may have happened. */
  mark(kind: MarkKind, id: string, expiresAt: Date): Promise<boolean>
  /** @param expiresAt as of `mark` @returns true also once the mark may be gone */
  isMarked(kind: MarkKind, id: string, expiresAt: Date): Promise<boolean>
}

/** SQL, of what expires: it did so before its mark may be gone. Clocks of replicas may differ by this. @param ends when it expires */
export const isLongOver = (ends: string): string => `${ends} <= now() - interval '10 minutes'`

/** SQL: marks something as used. It has a row for the first who does that, and for nobody once the mark may be gone.
 *  @param mark.kind a literal or parameter; @param mark.from and mark.when what else has to be there */
export function insertMark(mark: { kind: string; id: string; ends: string; from?: string; when?: string }): string {
  const { kind, id, ends, from, when } = mark
  return `INSERT INTO one_time (kind, id, expires_at) SELECT ${kind}, ${id}::text, ${ends}::timestamptz${from === undefined ? '' : ` FROM ${from}`}
     WHERE NOT (${isLongOver(`${ends}::timestamptz`)})${when === undefined ? '' : ` AND ${when}`} ON CONFLICT DO NOTHING RETURNING id`
}

const insert = statement('one-time-mark', insertMark({ kind: '$1::text', id: '$2', ends: '$3' }))
const find = statement<{ marked: boolean }>(
  'one-time-find',
  `SELECT ${isLongOver('$3::timestamptz')} OR EXISTS (SELECT FROM one_time WHERE kind = $1 AND id = $2) AS marked`,
)

export function createOneTime(needs: { database: Connection }): OneTime {
  return {
    mark: async (kind, id, expiresAt) => (await needs.database.query(insert, [kind, id, expiresAt])).length === 1,
    isMarked: async (kind, id, expiresAt) => (await needs.database.query(find, [kind, id, expiresAt]))[0]!.marked,
  }
}
