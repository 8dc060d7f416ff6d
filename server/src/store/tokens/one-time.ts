// Marks that make a value single-use. One conditional INSERT decides, the same for every replica; nothing else does.
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
  /** @param expiresAt when the marked thing expires anyway; after that the mark can be removed
   *  @returns true for the first caller only. After an error treat it as used: the INSERT may have happened. */
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
