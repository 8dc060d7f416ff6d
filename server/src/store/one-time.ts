// Single use, decided by one conditional INSERT: nothing else decides, on whichever replica.
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

export type MarkKind =
  | 'code'
  | 'jti'
  | 'par'
  | 'interaction'
  /** An opaque token without a grant that was revoked. */
  | 'revoked'

export interface OneTime {
  /** @param expiresAt when what is marked has expired anyway, so that the mark may go
   *  @returns true for the first caller only. An error (a cut answer) counts as used. */
  mark(kind: MarkKind, id: string, expiresAt: Date): Promise<boolean>
  isMarked(kind: MarkKind, id: string): Promise<boolean>
}

const insert = statement(
  'one-time-mark',
  'INSERT INTO one_time (kind, id, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true AS first',
)
const find = statement('one-time-find', 'SELECT true AS marked FROM one_time WHERE kind = $1 AND id = $2')

export function createOneTime(needs: { database: Connection }): OneTime {
  return {
    mark: async (kind, id, expiresAt) => (await needs.database.query(insert, [kind, id, expiresAt])).length === 1,
    isMarked: async (kind, id) => (await needs.database.query(find, [kind, id])).length === 1,
  }
}
