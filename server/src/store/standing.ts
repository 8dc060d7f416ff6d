// The standing of an account is one value. It changes whenever all sessions of the person are ended: by a new password, by an
// administrator, by a disabled account; and whenever the person gets or loses a second factor, which ends no session. A sign-in that
// is not finished is valid only while the standing is the one that it began with.
import { isOfSignIn } from './grants.ts'
import { endDevices } from './logouts.ts'
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

/** A second factor: an authenticator app, or a passkey. */
export const factorKindNames = ['totp', 'passkey'] as const
export type FactorKind = (typeof factorKindNames)[number]

const since = `(u.sessions_valid_after AT TIME ZONE 'UTC')::text`

/** SQL, for `users u`. @param factors a query of the ids of the person's factors */
export const standingWith = (factors: string): string =>
  `${since} || coalesce((SELECT '/' || md5(string_agg(id::text, ',' ORDER BY id)) FROM (${factors}) factor), '')`

/** SQL, for `users u`. As text, since a Date of JavaScript has no microseconds. Of a person without a second factor it is what the
 *  release before makes of it. */
export const standing = `(${standingWith('SELECT f.id FROM factors f WHERE f.user_id = u.id')})`

/** The column `factors` of a person u: the kinds of their second factors. */
export const factorKinds = `ARRAY(SELECT DISTINCT f.kind FROM factors f WHERE f.user_id = u.id ORDER BY f.kind) AS factors`

/** SQL, in an UPDATE of users. Not now(), which is the begin of the transaction: a statement that waited for the row's lock must get a
 *  later time than the one that held it. */
export const moveStanding = 'sessions_valid_after = clock_timestamp()'

/** Which ways to sign in there are, besides a password and a directory. */
export interface Ways {
  /** Ids of the providers in the settings: a link at another one leads nobody in. */
  readonly upstreams: readonly string[]
  /** Whether people can sign in with a passkey. */
  readonly passkeys: boolean
}

/** Before a statement that takes a way to sign in: two at once would each see what the other takes as the way that is left.
 *  @param $1 of the person */
export const lockPerson = statement('person-lock', 'SELECT FROM users WHERE id = $1::uuid FOR UPDATE')

/** A session that goes on. */
export interface KeptSession {
  readonly uid: string
  /** Its cookies with an older version are refused from now on. */
  readonly version: number
}

const endRows = statement(
  'standing-end-sessions',
  `WITH ${endDevices('user_id = $1 AND session_uid IS DISTINCT FROM $2')},
   kept AS (UPDATE devices SET auth_time = u.sessions_valid_after, version = greatest(devices.version, $3::integer) FROM users u
     WHERE u.id = $1 AND devices.user_id = u.id AND devices.session_uid = $2 AND devices.revoked_at IS NULL),
   revoked AS (UPDATE grants SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL
     AND session_uid IS DISTINCT FROM $2 AND ${isOfSignIn('grants')})
   SELECT`,
)

/** Ends every session of a person, with the grants; their clients are told. Call it after the statement that changed the standing, in the same transaction:
 *  only a later statement sees the rows of a sign-in that had the person's row locked.
 *  @param keepSession this one goes on */
export async function endSessionsOf(connection: Connection, userId: string, keepSession?: KeptSession): Promise<void> {
  await connection.query(endRows, [userId, keepSession?.uid ?? null, keepSession?.version ?? null])
}
