// Writes the end of a sign-in in one statement and one commit: everything, or nothing. The statement has only the parts that this sign-in has: PostgreSQL
// spends time on each part, also where it has nothing to write.
import type { Mail } from '../../mails.ts'
import { auditInsert } from '../audit/audit.ts'
import type { AuditEvent, AuditRows } from '../audit/audit.ts'
import { clearAttempts } from '../people/attempts.ts'
import type { AttemptKeys } from '../people/attempts.ts'
import type { Consent } from '../people/consents.ts'
import { allowDeviceCode } from '../tokens/device-codes.ts'
import type { StoreChanges } from '../cache/changes.ts'
import { crowdedGrants, grantValues, mostGrants } from '../tokens/grants.ts'
import type { NewGrant } from '../tokens/grants.ts'
import { outboxInsert } from '../outbox/outbox.ts'
import type { OutboxRows } from '../outbox/outbox.ts'
import { statement } from '../driver/postgres.ts'
import type { Connection, Statement } from '../driver/postgres.ts'
import { standing } from '../people/standing.ts'

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
   *  were ended since */
  finish(finish: Finish): Promise<{ done: boolean; ended?: true }>
}

interface Writing {
  readonly finish: Finish
  readonly audit: AuditRows
  readonly outbox: OutboxRows
}

/** A part of the statement. */
interface Part {
  readonly name: string
  /** @returns its parameters; undefined where there is nothing to write */
  readonly values: (writing: Writing) => readonly unknown[] | undefined
  /** Its common table expressions. @param parameters `$1` and so on, as many as values; @param has the names of the parts that there are */
  readonly sql: (parameters: readonly string[], has: (name: string) => boolean) => string
}

const whenDone = 'EXISTS (SELECT FROM done)'

/** What has to be so before anything is written. */
const first: readonly Part[] = [
  {
    name: 'person',
    values: ({ finish: { person } }) => person && [person.userId, person.standing],
    // The row is locked until the commit: a statement that ends all sessions meanwhile waits, and then ends this one too.
    sql: ([id, before]) =>
      `person AS (SELECT u.id, u.sessions_valid_after FROM users u WHERE u.id = ${id}::uuid AND u.disabled_at IS NULL AND ${standing} = ${before} FOR SHARE)`,
  },
  {
    name: 'device-code',
    values: ({ finish: { deviceCode } }) => deviceCode && [deviceCode.id, JSON.stringify(deviceCode.payload)],
    sql: ([id, payload], has) =>
      allowDeviceCode([id!, payload!], has('person') ? 'EXISTS (SELECT FROM person)' : 'true'),
  },
  {
    name: 'mark',
    values: ({ finish: { mark } }) => mark && [mark.id, mark.expiresAt],
    sql: ([id, expiresAt], has) =>
      `done AS (INSERT INTO one_time (kind, id, expires_at) SELECT 'interaction', ${id}, ${expiresAt}::timestamptz${ready(has)}
       ON CONFLICT DO NOTHING RETURNING id)`,
  },
  {
    name: 'no-mark',
    values: ({ finish: { mark } }) => (mark ? undefined : []),
    sql: (_none, has) => `done AS (SELECT 1${ready(has)})`,
  },
]

function ready(has: (name: string) => boolean): string {
  const needed = [...(has('person') ? ['person'] : []), ...(has('device-code') ? ['allowed'] : [])]
  return needed.length === 0 ? '' : ` WHERE ${needed.map((name) => `EXISTS (SELECT FROM ${name})`).join(' AND ')}`
}

const ofUse = ['client_uid', 'client_id', 'sid']
const ofSession = ['session_uid', 'user_id', 'version', 'auth_time', 'agent', 'ip', 'expires_at']
const types = ['text', 'uuid', 'integer', 'timestamptz', 'text', 'text', 'timestamptz']
const valuesOfSession = (use: DeviceUse) => [
  use.sessionUid,
  use.userId,
  use.version,
  use.authTime,
  use.agent ?? null,
  use.ip ?? null,
  use.expiresAt,
]
/** The time of a sign-in is by the clock of a replica, and when all sessions of a person ended by that of the database. A sign-in whose standing holds came after
 *  that, also where the replica is late. */
const validAfter = '(SELECT sessions_valid_after FROM person)'
/** The row of the session itself, and that of the client that it is used for. @param use parameters of the client */
const deviceRows = (session: readonly string[], use: readonly string[], has: (name: string) => boolean): string =>
  `device AS (INSERT INTO devices (${[...ofUse, ...ofSession].join(', ')})
   SELECT use.*, ${session
     .map((parameter, at) => `${parameter}::${types[at]}`)
     .map((value, at) => (ofSession[at] === 'auth_time' && has('person') ? `greatest(${value}, ${validAfter})` : value))
     .join(', ')}
   FROM (VALUES ('', '', NULL)${use.length === 0 ? '' : `, (${use.map((parameter) => `${parameter}::text`).join(', ')})`}) AS use (${ofUse.join(', ')})
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
    sql: (parameters, has) => deviceRows(parameters, [], has),
  },
  {
    name: 'use',
    values: ({ finish: { device } }) =>
      device?.clientUid === undefined
        ? undefined
        : [device.clientUid, device.clientId ?? '', device.sid ?? null, ...valuesOfSession(device)],
    sql: (parameters, has) => deviceRows(parameters.slice(ofUse.length), parameters.slice(0, ofUse.length), has),
  },
  {
    name: 'consent',
    values: ({ finish: { consent } }) =>
      consent && [consent.userId, consent.clientUid, consent.clientId, consent.scopes, JSON.stringify(consent.payload)],
    sql: ([user, clientUid, clientId, scopes, payload]) =>
      `consent AS (INSERT INTO consents (user_id, client_uid, client_id, scopes, payload)
       SELECT ${user}::uuid, ${clientUid}, ${clientId}, ${scopes}::text[], ${payload}::jsonb WHERE ${whenDone}
       ON CONFLICT (user_id, client_uid) DO UPDATE SET
         client_id = excluded.client_id, scopes = excluded.scopes, payload = excluded.payload, granted_at = now())`,
  },
  {
    name: 'grant',
    values: ({ finish: { grant } }) => grant && grantValues(grant),
    sql: ([id, user, clientUid, clientId, session, offline, payload, expiresAt]) =>
      `grants_new AS (INSERT INTO grants (id, user_id, client_uid, client_id, session_uid, offline, payload, expires_at)
       SELECT ${id}, ${user}::uuid, ${clientUid}, ${clientId}, ${session}, ${offline}::boolean, ${payload}::jsonb, ${expiresAt}::timestamptz
       WHERE ${whenDone})`,
  },
  {
    name: 'crowd',
    values: ({ finish: { grant }, audit }) =>
      grant && [grant.userId, grant.clientUid, audit.rows([tooManyGrants(grant)])],
    sql: ([user, clientUid, rows]) =>
      `crowded AS (UPDATE grants SET revoked_at = now() WHERE ${whenDone} AND id IN (${crowdedGrants(user!, clientUid!)}) RETURNING id),
       families_crowded AS (UPDATE refresh_families SET revoked_at = now() WHERE grant_id IN (SELECT id FROM crowded) AND revoked_at IS NULL),
       crowd_written AS (${auditInsert(rows!, ' WHERE EXISTS (SELECT FROM crowded)')})`,
  },
  {
    name: 'attempt',
    values: ({ finish: { clearAttempts: keys } }) =>
      keys && [keys.account, keys.address, keys.addressPlace ?? null, keys.found ?? null],
    sql: ([account, address, place, found]) => clearAttempts([account!, address!, place!, found!], whenDone),
  },
  {
    name: 'browser',
    values: ({ finish: { browser, device }, outbox }) =>
      browser && [device?.userId ?? null, browser.id, outbox.rows(browser.mail === undefined ? [] : [browser.mail])],
    sql: ([user, browser, mail]) =>
      `known AS (INSERT INTO known_browsers (user_id, browser) SELECT ${user}::uuid, ${browser}::text WHERE ${whenDone}
       ON CONFLICT (user_id, browser) DO UPDATE SET last_seen = now()),
     mail AS (${outboxInsert(
       mail!,
       ` WHERE ${whenDone} AND EXISTS (SELECT FROM known_browsers WHERE user_id = ${user}::uuid)
         AND NOT EXISTS (SELECT FROM known_browsers WHERE user_id = ${user}::uuid AND browser = ${browser}::text)`,
     )})`,
  },
  {
    name: 'audit',
    values: ({ finish, audit }) => (finish.audit.length === 0 ? undefined : [audit.rows(finish.audit)]),
    sql: ([rows]) => `written AS (${auditInsert(rows!, ` WHERE ${whenDone}`)})`,
  },
]

const parts = [...first, ...then]

const tooManyGrants = ({ userId, clientUid, clientId }: NewGrant): AuditEvent => ({
  event: 'token.revoked',
  outcome: 'success',
  reason: 'too-many-sign-ins',
  userId,
  clientUid,
  clientId,
  detail: { most: mostGrants },
})

/** The parts that a statement has, as one number: names of prepared statements are cut at 63 characters. */
const numberOf = (names: readonly string[]): number =>
  parts.reduce((sum, { name }, at) => (names.includes(name) ? sum + 2 ** at : sum), 0)

interface Present {
  readonly name: string
  readonly values: readonly unknown[]
}

function render(present: readonly Present[]): Statement {
  const counts = new Map(present.map(({ name, values }) => [name, values.length]))
  const has = (name: string) => counts.has(name)
  let at = 0
  const written = parts
    .filter(({ name }) => has(name))
    .map((part) =>
      part.sql(
        Array.from({ length: counts.get(part.name)! }, () => `$${++at}`),
        has,
      ),
    )
  const ended = has('person') ? 'NOT EXISTS (SELECT FROM person)' : 'false'
  const crowded = has('crowd') ? 'ARRAY(SELECT id FROM crowded)' : "'{}'::text[]"
  return statement(
    `sign-in-finish-${numberOf([...counts.keys()])}`,
    `WITH ${written.join(',\n   ')}\n   SELECT ${ended} AS ended, ${whenDone} AS done, ${crowded} AS crowded`,
  )
}

/** By the names of their parts: as many as there are kinds of sign-ins. */
const statements = new Map<string, Statement>()

function statementOf(present: readonly Present[]): Statement {
  const key = present.map(({ name }) => name).join(' ')
  const known = statements.get(key)
  if (known) return known
  const fresh = render(present)
  statements.set(key, fresh)
  return fresh
}

export function createSignIns(
  needs: Pick<Writing, 'audit' | 'outbox'> & { database: Connection; changes: StoreChanges },
): SignIns {
  const { database, audit, outbox, changes } = needs
  return {
    async finish(finish) {
      const present = parts.flatMap(({ name, values: valuesOf }) => {
        const values = valuesOf({ finish, audit, outbox })
        return values === undefined ? [] : [{ name, values }]
      })
      const values = present.flatMap((part) => part.values)
      type Row = { readonly ended: boolean; readonly done: boolean; readonly crowded: readonly string[] }
      const [row] = await database.query<Row>(statementOf(present), values)
      if (row!.ended) return { done: false, ended: true }
      if (!row!.done) return { done: false }
      audit.lines(finish.audit)
      if (finish.grant && row!.crowded.length > 0) {
        await changes.tell(...row!.crowded)
        audit.lines([tooManyGrants(finish.grant)])
      }
      return { done: true }
    },
  }
}
