// Password hashes, one a person.
import { auditInsert } from './audit.ts'
import type { AuditEvent, AuditRows } from './audit.ts'
import type { Changes } from './changes.ts'
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

export interface Credentials {
  /** @returns the PHC string */
  find(userId: string): Promise<string | undefined>
  /** A new password: every other session of the person ends, grants included.
   *  @param keepSession spares the session in which the person changed it */
  set(
    userId: string,
    passwordHash: string,
    options: { keepSession?: string | undefined; changeRequired: boolean; audit: readonly AuditEvent[] },
  ): Promise<boolean>
  /** The same password under another cost. Does nothing when the password was changed meanwhile. */
  rehash(userId: string, oldHash: string, newHash: string): Promise<void>
}

const find = statement('credential-find', 'SELECT password_hash FROM credentials WHERE user_id = $1')
const set = statement(
  'credential-set',
  `WITH changed AS (UPDATE users SET password_change_required = $4, updated_at = now() WHERE id = $1 RETURNING id),
   credential AS (INSERT INTO credentials (user_id, password_hash) SELECT id, $2 FROM changed
     ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, changed_at = now()),
   sessions AS (UPDATE devices SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL AND session_uid IS DISTINCT FROM $3),
   revoked AS (UPDATE grants SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL AND session_uid IS DISTINCT FROM $3),
   written AS (${auditInsert('$5', ' WHERE EXISTS (SELECT FROM changed)')})
   SELECT id FROM changed`,
)
const rehash = statement(
  'credential-rehash',
  'UPDATE credentials SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2',
)

export function createCredentials(needs: { database: Connection; audit: AuditRows; changes: Changes }): Credentials {
  const { database, audit, changes } = needs
  return {
    find: async (userId) => (await database.query<{ password_hash: string }>(find, [userId]))[0]?.password_hash,
    async set(userId, passwordHash, { keepSession, changeRequired, audit: events }) {
      const values = [userId, passwordHash, keepSession ?? null, changeRequired, audit.rows(events)]
      const changed = (await database.query(set, values)).length === 1
      await changes.tell(userId)
      if (changed) audit.lines(events)
      return changed
    },
    rehash: async (userId, oldHash, newHash) => {
      await database.query(rehash, [userId, oldHash, newHash])
    },
  }
}
