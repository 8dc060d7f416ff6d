// Writes the end of a sign-in in one statement and one commit: everything, or nothing.
import type { Mail } from '../mails.ts'
import { auditInsert } from './audit.ts'
import type { AuditEvent, AuditRows } from './audit.ts'
import { clearAttempts } from './attempts.ts'
import type { AttemptKeys } from './attempts.ts'
import type { Consent } from './consents.ts'
import { allowDeviceCode } from './device-codes.ts'
import type { NewFamily, NewGrant } from './grants.ts'
import { outboxInsert } from './outbox.ts'
import type { OutboxRows } from './outbox.ts'
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'
import { standing } from './standing.ts'

/** A session of a person, and the client that it is used for now. */
export interface DeviceUse {
  readonly sessionUid: string
  readonly userId: string
  /** Of the session cookie. Cookies with an older version are refused from now on. */
  readonly version: number
  readonly authTime: Date
  readonly expiresAt: Date
  readonly agent?: string | undefined
  readonly ip?: string | undefined
  /** All three, or none when the session is for no client (account pages). */
  readonly clientUid?: string | undefined
  readonly clientId?: string | undefined
  readonly sid?: string | undefined
}

export interface Finish {
  /** Whose sign-in it is, and their standing when it began. Nothing is written when it has changed, or the person is disabled. */
  readonly person?: { readonly userId: string; readonly standing: string } | undefined
  /** The interaction that this answers; it can be answered once. Undefined when there was none: no page was shown. */
  readonly mark?: { readonly id: string; readonly expiresAt: Date } | undefined
  readonly device?: DeviceUse | undefined
  readonly consent?: Omit<Consent, 'grantedAt'> | undefined
  readonly grant?: NewGrant | undefined
  /** Begins the grant's refresh family, whose absolute life counts from now. */
  readonly family?: NewFamily | undefined
  /** Counters of the attempt that succeeded; cleared with the rest. */
  readonly clearAttempts?: AttemptKeys | undefined
  /** The browser that the person signed in with, by a hash of its cookie. When they have used others but not this one, the mail is queued. */
  readonly browser?: { readonly id: string; readonly mail: Mail | undefined } | undefined
  /** The device that it is for, with what its tokens are made of. Nothing is written when somebody decided on it before. */
  readonly deviceCode?: { readonly id: string; readonly payload: Readonly<Record<string, unknown>> } | undefined
  readonly audit: readonly AuditEvent[]
}

export interface SignIns {
  /** @returns `done: false` when nothing was written: the interaction was answered or the device code decided before, or (`ended`) the person's sessions
   *  were ended since. `family`: what its first token derives from; `rotatedAt` in epoch milliseconds by the database's clock */
  finish(finish: Finish): Promise<{ done: boolean; ended?: true; family?: { seq: number; rotatedAt: number } }>
}

const personStands = '$13::uuid IS NULL OR EXISTS (SELECT FROM person)'
const whenDone = ' WHERE EXISTS (SELECT FROM mark)'
// The person's row is locked until the commit: a statement that ends all sessions meanwhile waits, and then ends this one too.
const finishSql = statement(
  'sign-in-finish',
  `WITH person AS (
     SELECT u.id FROM users u WHERE u.id = $13::uuid AND u.disabled_at IS NULL AND ${standing} = $14 FOR SHARE),
   ${allowDeviceCode(['$18', '$19'], `(${personStands})`)},
   mark AS (
     INSERT INTO one_time (kind, id, expires_at)
     SELECT 'interaction', coalesce($1, 'none:' || gen_random_uuid()), coalesce($2::timestamptz, now())
     WHERE (${personStands}) AND ($18::text IS NULL OR EXISTS (SELECT FROM allowed))
     ON CONFLICT DO NOTHING RETURNING id),
   device AS (
     INSERT INTO devices (session_uid, client_uid, client_id, user_id, sid, version, auth_time, agent, ip, expires_at)
     SELECT d.session_uid, d.client_uid, d.client_id, d.user_id, d.sid, d.version, d.auth_time, d.agent, d.ip, d.expires_at
     FROM jsonb_to_recordset($3::jsonb) AS d(session_uid text, client_uid text, client_id text, user_id uuid, sid text, version integer,
       auth_time timestamptz, agent text, ip text, expires_at timestamptz)${whenDone}
     ON CONFLICT (session_uid, client_uid) DO UPDATE SET
       version = greatest(devices.version, excluded.version), auth_time = greatest(devices.auth_time, excluded.auth_time), last_seen = now(),
       agent = excluded.agent, ip = excluded.ip, expires_at = excluded.expires_at
     WHERE devices.user_id = excluded.user_id),
   consent AS (
     INSERT INTO consents (user_id, client_uid, client_id, scopes, payload)
     SELECT c.user_id, c.client_uid, c.client_id, c.scopes, c.payload
     FROM jsonb_to_recordset($4::jsonb) AS c(user_id uuid, client_uid text, client_id text, scopes text[], payload jsonb)${whenDone}
     ON CONFLICT (user_id, client_uid) DO UPDATE SET
       client_id = excluded.client_id, scopes = excluded.scopes, payload = excluded.payload, granted_at = now()),
   grants_new AS (
     INSERT INTO grants (id, user_id, client_uid, client_id, session_uid, offline, payload, expires_at)
     SELECT g.id, g.user_id, g.client_uid, g.client_id, g.session_uid, g.offline, g.payload, g.expires_at
     FROM jsonb_to_recordset($5::jsonb) AS g(id text, user_id uuid, client_uid text, client_id text, session_uid text, offline boolean,
       payload jsonb, expires_at timestamptz)${whenDone} RETURNING id),
   family AS (
     INSERT INTO refresh_families (grant_id, rotated_at, payload, expires_at, absolute_expires_at)
     SELECT g.id, date_trunc('milliseconds', now()), $9::jsonb, now() + least($10::float8, $11::float8) * interval '1 millisecond',
       now() + $11::float8 * interval '1 millisecond'
     FROM grants_new g WHERE $9::jsonb IS NOT NULL RETURNING seq, rotated_at),
   ${clearAttempts(['$6', '$7', '$12', '$17'], 'EXISTS (SELECT FROM mark)')},
   known AS (
     INSERT INTO known_browsers (user_id, browser) SELECT $13::uuid, $15::text FROM mark WHERE $15::text IS NOT NULL
     ON CONFLICT (user_id, browser) DO UPDATE SET last_seen = now()),
   mail AS (${outboxInsert(
     '$16',
     `${whenDone} AND EXISTS (SELECT FROM known_browsers WHERE user_id = $13::uuid)
       AND NOT EXISTS (SELECT FROM known_browsers WHERE user_id = $13::uuid AND browser = $15::text)`,
   )}),
   written AS (${auditInsert('$8', whenDone)})
   SELECT $13::uuid IS NOT NULL AND NOT EXISTS (SELECT FROM person) AS ended, mark.id IS NOT NULL AS done, family.seq, family.rotated_at
   FROM (SELECT) one LEFT JOIN mark ON true LEFT JOIN family ON true`,
)

export function createSignIns(needs: { database: Connection; audit: AuditRows; outbox: OutboxRows }): SignIns {
  const { database, audit, outbox } = needs
  return {
    async finish(finish) {
      const { family } = finish
      type Row = { ended: boolean; done: boolean; seq: number | null; rotated_at: Date | null }
      const rows = await database.query<Row>(finishSql, [
        finish.mark?.id ?? null,
        finish.mark?.expiresAt ?? null,
        JSON.stringify(finish.device === undefined ? [] : deviceRows(finish.device)),
        JSON.stringify(finish.consent === undefined ? [] : [consentRow(finish.consent)]),
        JSON.stringify(finish.grant === undefined ? [] : [grantRow(finish.grant)]),
        finish.clearAttempts?.account ?? null,
        finish.clearAttempts?.address ?? null,
        audit.rows(finish.audit),
        family === undefined ? null : JSON.stringify(family.payload),
        family?.idleTtlMs ?? 0,
        family?.absoluteTtlMs ?? 0,
        finish.clearAttempts?.addressPlace ?? null,
        finish.person?.userId ?? null,
        finish.person?.standing ?? null,
        finish.browser?.id ?? null,
        outbox.rows(finish.browser?.mail === undefined ? [] : [finish.browser.mail]),
        finish.clearAttempts?.found ?? null,
        finish.deviceCode?.id ?? null,
        finish.deviceCode === undefined ? null : JSON.stringify(finish.deviceCode.payload),
      ])
      const row = rows[0]!
      if (row.ended) return { done: false, ended: true }
      if (!row.done) return { done: false }
      audit.lines(finish.audit)
      if (row.seq === null || row.rotated_at === null) return { done: true }
      return { done: true, family: { seq: row.seq, rotatedAt: row.rotated_at.getTime() } }
    },
  }
}

function deviceRows(use: DeviceUse) {
  const session = {
    session_uid: use.sessionUid,
    client_uid: '',
    client_id: '',
    user_id: use.userId,
    version: use.version,
    auth_time: use.authTime,
    agent: use.agent,
    ip: use.ip,
    expires_at: use.expiresAt,
  }
  if (use.clientUid === undefined || use.clientId === undefined) return [session]
  return [session, { ...session, client_uid: use.clientUid, client_id: use.clientId, sid: use.sid }]
}

const consentRow = (consent: Omit<Consent, 'grantedAt'>) => ({
  user_id: consent.userId,
  client_uid: consent.clientUid,
  client_id: consent.clientId,
  scopes: consent.scopes,
  payload: consent.payload,
})

const grantRow = (grant: NewGrant) => ({
  id: grant.id,
  user_id: grant.userId,
  client_uid: grant.clientUid,
  client_id: grant.clientId,
  session_uid: grant.sessionUid,
  offline: grant.offline,
  payload: grant.payload,
  expires_at: grant.expiresAt,
})
