// Whether a sign-in that is not finished yet still counts. The standing of an account is one value that moves whenever all
// sessions of the person end: a new password, "sign out everywhere", a disabled account. A proof of a password is good
// while it is the same.
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

/** SQL, of `users u`: text, so that no microsecond is lost on the way. */
export const standing = `(u.sessions_valid_after AT TIME ZONE 'UTC')::text`

/** SQL, in an UPDATE of users. The clock and not now(): what waited for the row's lock comes after what held it. */
export const moveStanding = 'sessions_valid_after = clock_timestamp()'

const endRows = statement(
  'standing-end-sessions',
  `WITH sessions AS (UPDATE devices SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL AND session_uid IS DISTINCT FROM $2),
   kept AS (UPDATE devices SET auth_time = u.sessions_valid_after FROM users u
     WHERE u.id = $1 AND devices.user_id = u.id AND devices.session_uid = $2 AND devices.revoked_at IS NULL),
   revoked AS (UPDATE grants SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL AND session_uid IS DISTINCT FROM $2)
   SELECT`,
)

/** Ends every session of a person, grants included. It has to follow the statement that moved the standing, in the same
 *  transaction: only a later one sees what a sign-in wrote that held the row until then.
 *  @param keepSession spares this one */
export async function endSessionsOf(connection: Connection, userId: string, keepSession?: string): Promise<void> {
  await connection.query(endRows, [userId, keepSession ?? null])
}
