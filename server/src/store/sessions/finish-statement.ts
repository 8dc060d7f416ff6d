// The statement that ends a sign-in. It has only the parts that this sign-in has: PostgreSQL spends time on each part, also where it has nothing to write.
import { auditInsert } from '../audit/audit-rows.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import { clearAttempts, keyValues } from '../people/attempts.ts'
import { addConsent, addedValues } from '../people/consents.ts'
import { allowDeviceCode } from '../tokens/device-codes.ts'
import { insertMark } from '../tokens/one-time.ts'
import { crowdedGrants, mostGrants } from '../tokens/grants.ts'
import type { NewGrant } from '../tokens/grants.ts'
import { outboxInsert } from '../outbox/outbox-rows.ts'
import type { OutboxRows } from '../outbox/outbox-rows.ts'
import { fromNow, statement } from '../driver/database.ts'
import type { Statement } from '../driver/database.ts'
import { stillStands } from '../people/standing.ts'
import type { DeviceUse, Finish } from './finish.ts'

export interface FinishWriting {
  readonly finish: Finish
  readonly audit: AuditRows
  readonly outbox: OutboxRows
}

/** A part of the statement. The parts alone, never a value, decide its text. Parameter names are unique among all parts. */
interface Part {
  readonly name: string
  /** @returns its parameters by name; undefined where there is nothing to write */
  readonly values: (writing: FinishWriting) => Readonly<Record<string, unknown>> | undefined
  /** Its common table expressions. @param has the names of the parts that there are */
  readonly sql: (has: Has) => string
}

type Has = (name: string) => boolean

const whenDone = 'EXISTS (SELECT FROM done)'

/** What has to be so before anything is written. */
const first: readonly Part[] = [
  {
    name: 'person',
    values: ({ finish: { person } }) =>
      person && {
        personId: person.userId,
        standing: person.standing,
        consentedTo: person.consentedTo?.clientUid,
        consentedAt: person.consentedTo?.grantedAt,
        beside: person.beside,
      },
    // The rows are locked until the commit: what ends them meanwhile waits, and then ends this sign-in too. It locks them in a statement before, since a
    // statement that has waited reads all other rows as they were.
    sql: (has) =>
      `person AS (SELECT u.id, u.sessions_valid_after FROM users u WHERE u.id = $personId::uuid AND ${stillStands('$standing')} FOR SHARE),
       consented AS (SELECT FROM person p JOIN consents c ON c.user_id = p.id AND c.client_uid = $consentedTo::text
         AND date_trunc('milliseconds', c.granted_at) = $consentedAt::timestamptz FOR KEY SHARE OF c)${
           hasSession(has)
             ? `,
       held AS (SELECT d.revoked_at FROM person p JOIN devices d ON d.session_uid IN ($sessionUid::text, $beside::text) AND d.client_uid = ''
         AND d.user_id = p.id FOR NO KEY UPDATE OF d)`
             : ''
         }`,
  },
  {
    name: 'device',
    values: ({ finish: { deviceCode } }) =>
      deviceCode && { codeId: deviceCode.id, codePayload: JSON.stringify(deviceCode.payload) },
    sql: (has) => allowDeviceCode(['$codeId', '$codePayload'], `NOT (${isEnded(has)})`),
  },
  {
    name: 'mark',
    values: ({ finish: { mark } }) => mark && { markId: mark.id, markEnds: mark.expiresAt },
    sql: (has) =>
      `done AS (${insertMark({ kind: "'interaction'", id: '$markId', ends: '$markEnds', when: ready(has) })})`,
  },
  {
    name: 'free',
    values: ({ finish: { mark } }) => (mark ? undefined : {}),
    sql: (has) => `done AS (SELECT 1 WHERE ${ready(has)})`,
  },
]

const hasSession = (has: Has): boolean => has('session') || has('use')

/** SQL: what the sign-in goes on with has ended. */
const isEnded = (has: Has): string =>
  has('person')
    ? `NOT EXISTS (SELECT FROM person) OR ($consentedTo::text IS NOT NULL AND NOT EXISTS (SELECT FROM consented))${
        hasSession(has) ? ' OR EXISTS (SELECT FROM held WHERE revoked_at IS NOT NULL)' : ''
      }`
    : 'false'

function ready(has: Has): string {
  const needed = [
    ...(has('person') ? [`NOT (${isEnded(has)})`] : []),
    ...(has('device') ? ['EXISTS (SELECT FROM allowed)'] : []),
  ]
  return needed.length === 0 ? 'true' : needed.join(' AND ')
}

const valuesOfSession = (use: DeviceUse) => ({
  sessionUid: use.sessionUid,
  userId: use.userId,
  version: use.version,
  authTime: use.authTime,
  agent: use.agent,
  ip: use.ip,
  sessionLifeMs: use.lifeMs,
})
/** The time of a sign-in is by the clock of a replica, and when all sessions of a person ended by that of the database. A sign-in whose standing holds came after
 *  that, also where the replica is late. */
const authTime = (has: Has): string =>
  has('person')
    ? 'greatest($authTime::timestamptz, (SELECT sessions_valid_after FROM person))'
    : '$authTime::timestamptz'
/** The rows of the session and of the client that it is used for. @param uses SQL, a row each: id, name and sid of the client */
const deviceRows = (uses: string, has: Has): string =>
  `device AS (INSERT INTO devices (client_uid, client_id, sid, session_uid, user_id, version, auth_time, agent, ip, expires_at)
   SELECT use.*, $sessionUid::text, $userId::uuid, $version::integer, ${authTime(has)}, $agent::text, $ip::text, ${fromNow('$sessionLifeMs')}
   FROM (VALUES ${uses}) AS use (client_uid, client_id, sid)
   WHERE ${whenDone}
   ON CONFLICT (session_uid, client_uid) DO UPDATE SET
     version = greatest(devices.version, excluded.version), auth_time = greatest(devices.auth_time, excluded.auth_time), last_seen = now(),
     agent = excluded.agent, ip = excluded.ip, expires_at = excluded.expires_at
   WHERE devices.user_id = excluded.user_id)`

/** What is written then. */
const then: readonly Part[] = [
  {
    name: 'session',
    values: ({ finish: { device } }) =>
      device?.clientUid === undefined && device ? valuesOfSession(device) : undefined,
    sql: (has) => deviceRows(`('', '', NULL)`, has),
  },
  {
    name: 'use',
    values: ({ finish: { device } }) =>
      device?.clientUid === undefined
        ? undefined
        : {
            ...valuesOfSession(device),
            clientUid: device.clientUid,
            clientId: device.clientId ?? '',
            sid: device.sid,
          },
    sql: (has) => deviceRows(`('', '', NULL), ($clientUid::text, $clientId::text, $sid::text)`, has),
  },
  {
    name: 'consent',
    values: ({ finish: { consent } }) => consent && addedValues(consent),
    sql: () => `consent AS (${addConsent(whenDone)})`,
  },
  {
    name: 'grant',
    values: ({ finish: { grant }, audit }) =>
      grant && {
        grantId: grant.id,
        grantUser: grant.userId,
        grantClientUid: grant.clientUid,
        grantClientId: grant.clientId,
        grantSession: grant.sessionUid,
        offline: grant.offline,
        grantPayload: JSON.stringify(grant.payload),
        grantLifeMs: grant.lifeMs,
        crowdAudit: audit.rows([tooManyGrants(grant)]),
      },
    sql: () =>
      `grants_new AS (INSERT INTO grants (id, user_id, client_uid, client_id, session_uid, offline, payload, expires_at)
       SELECT $grantId, $grantUser::uuid, $grantClientUid, $grantClientId, $grantSession, $offline::boolean, $grantPayload::jsonb,
         ${fromNow('$grantLifeMs')}
       WHERE ${whenDone}),
       crowded AS (UPDATE grants SET revoked_at = now() WHERE ${whenDone} AND id IN (${crowdedGrants('$grantUser', '$grantClientUid')}) RETURNING id),
       families_crowded AS (UPDATE refresh_families SET revoked_at = now() WHERE grant_id IN (SELECT id FROM crowded) AND revoked_at IS NULL),
       crowd_written AS (${auditInsert('$crowdAudit', ' WHERE EXISTS (SELECT FROM crowded)')})`,
  },
  {
    name: 'try',
    values: ({ finish: { clearAttempts: keys } }) => keys && keyValues(keys),
    sql: () => clearAttempts(whenDone),
  },
  {
    name: 'browser',
    values: ({ finish: { browser, device }, outbox }) =>
      browser && {
        browserUser: device?.userId,
        browser: browser.id,
        mails: outbox.rows(browser.mail === undefined ? [] : [browser.mail]),
      },
    sql: () =>
      `known AS (INSERT INTO known_browsers (user_id, browser) SELECT $browserUser::uuid, $browser::text WHERE ${whenDone}
       ON CONFLICT (user_id, browser) DO UPDATE SET last_seen = now()),
     mail AS (${outboxInsert(
       '$mails',
       ` WHERE ${whenDone} AND EXISTS (SELECT FROM known_browsers WHERE user_id = $browserUser::uuid)
         AND NOT EXISTS (SELECT FROM known_browsers WHERE user_id = $browserUser::uuid AND browser = $browser::text)`,
     )})`,
  },
  {
    name: 'audit',
    values: ({ finish, audit }) => (finish.audit.length === 0 ? undefined : { audit: audit.rows(finish.audit) }),
    sql: () => `written AS (${auditInsert('$audit', ` WHERE ${whenDone}`)})`,
  },
]

const parts = [...first, ...then]

export const tooManyGrants = ({ userId, clientUid, clientId }: NewGrant): AuditEvent => ({
  event: 'token.revoked',
  outcome: 'success',
  reason: 'too-many-sign-ins',
  userId,
  clientUid,
  clientId,
  detail: { most: mostGrants },
})

interface FinishedRow {
  readonly ended: boolean
  readonly done: boolean
  readonly crowded: readonly string[]
}

/** By their names: as many as there are kinds of sign-ins. */
const statements = new Map<string, Statement<FinishedRow>>()

/** @returns the statement that writes this sign-in, with its values */
export function finishStatement(writing: FinishWriting): {
  readonly statement: Statement<FinishedRow>
  readonly values: Readonly<Record<string, unknown>>
} {
  const values: Record<string, unknown> = {}
  const present = parts.filter((part) => {
    const own = part.values(writing)
    if (own !== undefined) Object.assign(values, own)
    return own !== undefined
  })
  return { statement: statementOf(present), values }
}

/** PostgreSQL cuts the name of a statement at 63 characters: `end` with the longest parts has 62. */
function statementOf(present: readonly Part[]): Statement<FinishedRow> {
  const name = present.reduce((all, part) => `${all} ${part.name}`, 'end')
  const known = statements.get(name)
  if (known !== undefined) return known
  const made = statement<FinishedRow>(name, textOf(present))
  statements.set(name, made)
  return made
}

function textOf(present: readonly Part[]): string {
  const has = (name: string) => present.some((part) => part.name === name)
  const crowded = has('grant') ? 'ARRAY(SELECT id FROM crowded)' : "'{}'::text[]"
  return `WITH ${present.map(({ sql }) => sql(has)).join(',\n   ')}
   SELECT (${isEnded(has)}) AS ended, ${whenDone} AS done, ${crowded} AS crowded`
}
