// Where a person is signed in: a row for each session, and one for each client that the session was used for.
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import { endGrants, isAlive, isOfSignIn } from '../tokens/grants.ts'
import { isAliveRow } from '../tokens/what-counts.ts'
import { inTransaction } from '../outbox/in-transaction.ts'
import type { Transactional } from '../outbox/in-transaction.ts'
import { endDevices } from '../outbox/logouts.ts'
import { statement } from '../driver/database.ts'

export interface Device {
  readonly sessionUid: string
  readonly userId: string
  /** Undefined on the row of the session itself. */
  readonly client: { readonly uid: string; readonly id: string; readonly sid: string } | undefined
  readonly version: number
  readonly authTime: Date
  readonly lastSeen: Date
  readonly agent: string | undefined
  readonly ip: string | undefined
  readonly expiresAt: Date
}

/** A client that a session was used for. */
export interface SessionClient {
  readonly clientId: string
  readonly clientUid: string
  /** It keeps its access when the session ends (offline_access). */
  readonly keepsAccess: boolean
}

export interface Devices {
  /** The row of the session itself and the rows of its clients, unless they have ended or expired. */
  listOfSession(sessionUid: string): Promise<Device[]>
  /** The rows of the `mostSessions` sessions that were used last, the newest first. */
  listOfUser(userId: string): Promise<Device[]>
  /** The clients that any session of the person was used for. */
  clientsOfUser(userId: string): Promise<{ readonly clientUid: string; readonly clientId: string }[]>
  /** The person and the clients of a session that is alive, or was ended in the last minutes.
   *  @returns undefined for any other */
  whoUsed(sessionUid: string): Promise<{ userId: string; clients: readonly SessionClient[] } | undefined>
  /** Ends the session, with what was granted in it without offline_access: its cookie is refused from now on, and its clients are told.
   *  @returns the clients that it was used for; empty when it had ended before */
  endSession(sessionUid: string, audit?: readonly AuditEvent[]): Promise<Device[]>
  /** Ends a session of this person with all that was granted in it, offline_access too: of a device that the person no longer trusts.
   *  @returns whether it was alive */
  signOut(session: { sessionUid: string; userId: string }, audit: readonly AuditEvent[]): Promise<boolean>
}

const alive = isAliveRow('devices')
const ofSession = statement<DeviceRow>(
  'device-session',
  `SELECT * FROM devices WHERE session_uid = $1 AND ${alive} ORDER BY client_uid`,
)
/** As many as a person can look through. A program may make more; to end those, the person signs out everywhere. */
const mostSessions = 100
const ofUser = statement<DeviceRow>(
  'device-user',
  `WITH newest AS (SELECT session_uid FROM devices WHERE user_id = $1 AND client_uid = '' AND ${alive} ORDER BY last_seen DESC LIMIT ${mostSessions})
   SELECT devices.* FROM newest JOIN devices USING (session_uid) WHERE user_id = $1 AND ${alive} ORDER BY last_seen DESC`,
)
const clientsOfUser = statement<Pick<DeviceRow, 'client_uid' | 'client_id'>>(
  'device-clients',
  `SELECT DISTINCT client_uid, client_id FROM devices WHERE user_id = $1 AND client_uid <> '' AND ${alive}`,
)
const whoUsed = statement<Pick<DeviceRow, 'user_id' | 'client_id' | 'client_uid'> & { readonly keeps_access: boolean }>(
  'device-who-used',
  `SELECT d.user_id, d.client_id, d.client_uid, EXISTS (SELECT FROM grants g WHERE g.session_uid = d.session_uid
       AND g.client_uid = d.client_uid AND g.offline AND ${isAlive('g')}) AS keeps_access
   FROM devices d WHERE d.session_uid = $1 AND (d.revoked_at > now() - interval '5 minutes' OR ${isAliveRow('d')})`,
)
// only a later statement sees the rows of a request for a code that had the row of the session locked
const holdSession = statement(
  'device-hold-session',
  "SELECT FROM devices WHERE session_uid = $1 AND client_uid = '' FOR NO KEY UPDATE",
)
const endSession = statement<{ readonly grant_ids: readonly string[] } & (DeviceRow | { readonly session_uid: null })>(
  'device-end-session',
  `WITH ${endDevices(`session_uid = $1 AND ${alive}`)},
   ${endGrants(`session_uid = $1 AND NOT offline AND ${isOfSignIn('grants')}`)},
   ${audited('ended')}
   SELECT ended.*, r.grant_ids FROM (SELECT coalesce(array_agg(id), '{}') AS grant_ids FROM revoked) r
   LEFT JOIN ended ON true ORDER BY client_uid`,
)
const signOut = statement<{ id: string | null }>(
  'device-sign-out',
  `WITH ${endDevices(`session_uid = $1 AND user_id = $2 AND ${alive}`)},
   ${endGrants(`session_uid = $1 AND user_id = $2 AND EXISTS (SELECT FROM ended) AND ${isOfSignIn('grants')}`)},
   ${audited('ended')}
   SELECT revoked.id FROM (SELECT FROM ended LIMIT 1) one LEFT JOIN revoked ON true`,
)

interface DeviceRow {
  readonly session_uid: string
  readonly client_uid: string
  readonly client_id: string
  readonly user_id: string
  readonly sid: string | null
  readonly version: number
  readonly auth_time: Date
  readonly last_seen: Date
  readonly agent: string | null
  readonly ip: string | null
  readonly expires_at: Date
}

export function createDevices(needs: Transactional): Devices {
  const { database } = needs
  return {
    listOfSession: async (sessionUid) => (await database.query(ofSession, [sessionUid])).map(deviceOf),
    listOfUser: async (userId) => (await database.query(ofUser, [userId])).map(deviceOf),
    clientsOfUser: async (userId) =>
      (await database.query(clientsOfUser, [userId])).map((row) => ({
        clientUid: row.client_uid,
        clientId: row.client_id,
      })),
    async whoUsed(sessionUid) {
      const rows = await database.query(whoUsed, [sessionUid])
      const userId = rows[0]?.user_id
      if (userId === undefined) return undefined
      const clients = rows
        .filter((row) => row.client_uid !== '')
        .map((row) => ({ clientId: row.client_id, clientUid: row.client_uid, keepsAccess: row.keeps_access }))
      return { userId, clients }
    },
    endSession: (sessionUid, events = []) =>
      inTransaction(needs, (bound) => endSessionWithin(bound, sessionUid, events)),
    signOut: ({ sessionUid, userId }, events) =>
      inTransaction(needs, async (bound) => {
        await bound.database.query(holdSession, [sessionUid])
        const rows = await runAudited(bound, signOut, [sessionUid, userId], events)
        await bound.changes.report(sessionUid, ...rows.flatMap(({ id }) => id ?? []))
        return rows.length > 0
      }),
  }
}

/** `Devices.endSession`, within a transaction. */
export async function endSessionWithin(
  bound: Transactional,
  sessionUid: string,
  events: readonly AuditEvent[],
): Promise<Device[]> {
  await bound.database.query(holdSession, [sessionUid])
  const isMade = (rows: readonly { session_uid: string | null }[]) => rows[0]!.session_uid !== null
  const found = await runAudited(bound, endSession, [sessionUid], events, isMade)
  await bound.changes.report(sessionUid, ...found[0]!.grant_ids)
  const rows = found.filter((row) => row.session_uid !== null)
  return rows.map(deviceOf).filter((device) => device.client !== undefined)
}

const deviceOf = (row: DeviceRow): Device => ({
  sessionUid: row.session_uid,
  userId: row.user_id,
  client: row.client_uid === '' ? undefined : { uid: row.client_uid, id: row.client_id, sid: row.sid ?? '' },
  version: row.version,
  authTime: row.auth_time,
  lastSeen: row.last_seen,
  agent: row.agent ?? undefined,
  ip: row.ip ?? undefined,
  expiresAt: row.expires_at,
})
