// The standing of an account is one value. It changes whenever all sessions of the person are ended: by a new password, by an
// administrator, by a disabled account. A sign-in that is not finished is valid only while the standing is the one that it began with.
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

/** SQL, for `users u`. As text, since a Date of JavaScript has no microseconds. */
export const standing = `(u.sessions_valid_after AT TIME ZONE 'UTC')::text`

/** SQL, in an UPDATE of users. Not now(), which is the begin of the transaction: a statement that waited for the row's lock must get a
 *  later time than the one that held it. */
export const moveStanding = 'sessions_valid_after = clock_timestamp()'

const endRows = statement(
  'standing-end-sessions',
  `WITH sessions AS (UPDATE devices SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL AND session_uid IS DISTINCT FROM $2),
   kept AS (UPDATE devices SET auth_time = u.sessions_valid_after FROM users u
     WHERE u.id = $1 AND devices.user_id = u.id AND devices.session_uid = $2 AND devices.revoked_at IS NULL),
   revoked AS (UPDATE grants SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL AND session_uid IS DISTINCT FROM $2)
   SELECT`,
)

/** Ends every session of a person, with the grants. Call it after the statement that changed the standing, in the same transaction:
 *  only a later statement sees the rows of a sign-in that had the person's row locked.
 *  @param keepSession this one goes on */
export async function endSessionsOf(connection: Connection, userId: string, keepSession?: string): Promise<void> {
  await connection.query(endRows, [userId, keepSession ?? null])
}
