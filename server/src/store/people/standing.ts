// The standing of an account is one value. It changes whenever all sessions of the person are ended: by a new password, by an
// administrator, by a disabled account, by another second factor or address; also where the person keeps the other sessions then. A sign-in
// that is not finished is valid only while the standing is the one that it began with.
import { isOfSignIn } from '../tokens/grants.ts'
import { personCounts } from '../tokens/what-counts.ts'
import { endDevices } from '../outbox/logouts.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

/** SQL, for `users u`. As text, since a Date of JavaScript has no microseconds. */
export const standing = `((u.sessions_valid_after AT TIME ZONE 'UTC')::text)`

/** SQL, for `users u`: whether the person counts, and stands as they did. @param before SQL: their standing then */
export const stillStands = (before: string): string => `${personCounts.sql('u')} AND ${standing} = ${before}`
/** The same of what was read of them. */
export const isStillStanding = (
  found: Parameters<typeof personCounts.holds>[0] & { readonly standing: string },
  before: string | undefined,
): boolean => personCounts.holds(found) && found.standing === before

/** The column `factors` of a person u: the kinds of their second factors. */
export const factorKinds = `ARRAY(SELECT DISTINCT f.kind FROM factors f WHERE f.user_id = u.id ORDER BY f.kind) AS factors`

/** SQL, in an UPDATE of users. Not now(), which is the begin of the transaction: a statement that waited for the row's lock must get a
 *  later time than the one that held it. */
export const moveStanding = 'sessions_valid_after = clock_timestamp()'

/** A person, with the standing that was read when they were let in: nothing of theirs changes once it has changed. */
export interface AsAdmitted {
  readonly userId: string
  readonly standing: string
}

/** SQL: locks the row of an `AsAdmitted` who may still change how they sign in. It comes before a statement that removes a way to sign in:
 *  else two removals at once would each count the other's way as the one that is left.
 *  @param more conditions for `users u` */
export const admitted = (more = ''): string =>
  `SELECT u.id FROM users u WHERE u.id = $1::uuid AND ${stillStands('$2')}${more} FOR UPDATE`
export const lockAdmitted = statement('person-lock-admitted', admitted())

/** A session that goes on. */
export interface KeptSession {
  readonly uid: string
  /** Its cookies with an older version are refused from now on. */
  readonly version: number
}

/** What becomes of the other sessions of a person who changes how they sign in. They end, unless the person wants to keep them. */
export interface OtherSessions {
  /** The session in which the change is made: it goes on. */
  readonly keepSession?: KeptSession | undefined
  readonly keepsOthers?: boolean | undefined
  /** The grants of that session end too, since it proved a factor that is removed now. */
  readonly endsOwnGrants?: boolean | undefined
}

const move = statement<{ standing: string; since: Date }>(
  'standing-move',
  `UPDATE users u SET ${moveStanding} WHERE u.id = $1 RETURNING ${standing} AS standing, u.sessions_valid_after AS since`,
)
// A browser that was known is unknown from now on. Its row stays: a person without a known browser gets no mail about a new one.
const endRows = statement(
  'standing-end-sessions',
  `WITH ${endDevices('user_id = $1 AND session_uid IS DISTINCT FROM $2 AND NOT $4::boolean')},
   forgotten AS (UPDATE known_browsers SET browser = gen_random_uuid()::text WHERE user_id = $1 AND NOT $4::boolean),
   kept AS (UPDATE devices SET auth_time = u.sessions_valid_after,
       version = CASE WHEN session_uid = $2 THEN greatest(devices.version, $3::integer) ELSE devices.version END FROM users u
     WHERE u.id = $1 AND devices.user_id = u.id AND (devices.session_uid = $2 OR $4::boolean) AND devices.revoked_at IS NULL),
   revoked AS (UPDATE grants SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL AND NOT $4::boolean
     AND (session_uid IS DISTINCT FROM $2 OR $5::boolean) AND ${isOfSignIn('grants')})
   SELECT`,
)

/** Ends every session of a person, with the grants, and forgets their browsers; the clients are told. Call it after the statement that changed the standing,
 *  in the same transaction: only a later statement sees the rows of a sign-in that had the person's row locked.
 *  @param others which go on. Sign-ins that are not finished, and links of mails, end all the same: they are bound to the standing */
export async function endSessionsOf(connection: Connection, userId: string, others: OtherSessions = {}): Promise<void> {
  const { keepSession, keepsOthers = false, endsOwnGrants = false } = others
  const kept = [keepSession?.uid ?? null, keepSession?.version ?? null, keepsOthers]
  await connection.query(endRows, [userId, ...kept, endsOwnGrants])
}

/** Changes the standing, and does with the other sessions what was chosen. Call it after the statement of the change, in the same transaction, with the
 *  person's row locked.
 *  @returns the standing after it, and when it began */
export async function moveStandingOf(
  connection: Connection,
  userId: string,
  others: OtherSessions | undefined,
): Promise<{ readonly standing: string; readonly since: Date }> {
  const [moved] = await connection.query(move, [userId])
  await endSessionsOf(connection, userId, others)
  return moved!
}
