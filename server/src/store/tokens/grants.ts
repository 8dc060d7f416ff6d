// One row for each authorization. Its code, access tokens and refresh family are valid while the row is alive.
import { audited, runAudited } from '../audit/audited.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditRows } from '../audit/audit-rows.ts'
import type { StoreChanges } from '../cache/changes.ts'
import { livePlaces } from './places.ts'
import { jsonColumn } from '../driver/json-column.ts'
import { fromNow, statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'
import { insertMark } from './one-time.ts'
import { isAliveRow } from './what-counts.ts'

export interface StoredGrant {
  readonly id: string
  readonly userId: string
  readonly clientUid: string
  readonly clientId: string
  /** The session in which it was made. The grant ends with the session unless `offline`. */
  readonly sessionUid: string | undefined
  readonly offline: boolean
  /** Scopes, claims, resources: the shape is oidc's own. */
  readonly payload: Readonly<Record<string, unknown>>
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** The client that a grant is for. */
export type GrantOwner = Pick<StoredGrant, 'clientUid' | 'clientId'>

export interface NewGrant extends Omit<StoredGrant, 'createdAt' | 'expiresAt'> {
  /** Milliseconds from now. */
  readonly lifeMs: number
}

/** The grant of a token that another client gets for one of this person's. Person, session and `offline` are those of its parent. */
export interface ChildGrant extends Pick<NewGrant, 'id' | 'clientUid' | 'clientId' | 'payload' | 'lifeMs'> {
  readonly parentId: string
}

export interface NewFamily {
  /** Milliseconds: the first is the longest time without use, the second the longest time in all. */
  readonly idleTtlMs: number
  readonly absoluteTtlMs: number
}

export interface Grants {
  insert(grant: NewGrant, audit?: readonly AuditEvent[]): Promise<void>
  /** @returns whether it was stored: not when the parent has ended, nor when this client got too many from one sign-in already */
  insertChild(grant: ChildGrant): Promise<'stored' | 'ended' | 'too-many'>
  /** @returns the grant while neither it nor one that it came from is revoked or expired */
  find(id: string): Promise<StoredGrant | undefined>
  /** Ends the grant and its refresh family. @returns whether it was alive */
  revoke(id: string, audit?: readonly AuditEvent[]): Promise<boolean>
  /** Uses the code up, in one statement. The first caller gets `spent`, with the refresh family of the grant (a new one when
   *  `family` is given). Every other gets `replayed`, and the grant and its family are revoked (RFC 6749 section 4.1.2). */
  consumeCode(code: {
    jti: string
    expiresAt: Date
    grantId: string
    family?: NewFamily | undefined
    auditOnReplay: readonly AuditEvent[]
  }): Promise<{ kind: 'spent'; family?: { seq: number; rotatedAt: number } } | { kind: 'replayed' }>
}

/** SQL: whether a grant and all that it came from are alive.
 *  @param t alias of a row of `grants` */
export const isAlive = (t: string): string =>
  `${isAliveRow(t)} AND NOT EXISTS (SELECT FROM grant_parents x WHERE x.grant_id = ${t}.id
     AND NOT EXISTS (SELECT FROM grants p WHERE p.id = x.parent_id AND ${isAliveRow('p')}))`

/** SQL, of `grants t`: the column `parents`, all that it came from, for `ownersOf`; empty for the grant of a sign-in. Where a statement reads one grant, this
 *  costs less than `isAlive`. */
export const parentsOf = `ARRAY(SELECT jsonb_build_object('client_uid', p.client_uid, 'client_id', p.client_id,
     'is_alive', ${isAliveRow('p')}, 'depth', cardinality(ARRAY(SELECT 1 FROM grant_parents y WHERE y.grant_id = p.id)))
   FROM grant_parents x LEFT JOIN grants p ON p.id = x.parent_id WHERE x.grant_id = t.id) AS parents`

export type ParentRows = readonly {
  readonly client_uid: string
  readonly client_id: string
  /** Null when its row is gone. */
  readonly is_alive: boolean | null
  readonly depth: number
}[]

/** @returns the clients of the grants that one came from by exchange, that of the sign-in first; undefined when one of them has ended */
export function ownersOf(parents: ParentRows): readonly GrantOwner[] | undefined {
  if (parents.some(({ is_alive }) => is_alive !== true)) return undefined
  const inOrder = parents.toSorted((one, other) => one.depth - other.depth)
  return inOrder.map(({ client_uid, client_id }) => ({ clientUid: client_uid, clientId: client_id }))
}

/** SQL: whether a grant is that of a sign-in. What ends many touches these alone: all that came of them ends with them, by `isAlive`. */
export const isOfSignIn = (t: string): string => `NOT EXISTS (SELECT FROM grant_parents x WHERE x.grant_id = ${t}.id)`

/** The CTEs `revoked` and `families`: ends grants, with their refresh families. @param where of grants */
export const endGrants = (where: string): string =>
  `revoked AS (UPDATE grants SET revoked_at = now() WHERE ${where} AND revoked_at IS NULL RETURNING id),
   families AS (UPDATE refresh_families SET revoked_at = now() WHERE revoked_at IS NULL AND grant_id IN (SELECT id FROM revoked))`

/** Grants that one client has from one sign-in by exchange, until they expire: more is a flood. */
const childrenPerClient = 200
/** Grants of one person that one client has from sign-ins. Each browser or device has one at a time, or a few. */
export const mostGrants = 200

/** Of these so many may be on their way: the code is not redeemed yet. */
const mostOnTheirWay = 20

/** SQL: the ids of the grants that end so that one more is not too many. Those without a refresh token end first, since a page elsewhere can send a browser
 *  to sign in again and again, but cannot fetch tokens; the newest of these stay, whose code may still be on its way. Then the oldest.
 *  @param user and client: of the grant that is added */
export const crowdedGrants = (user: string, client: string): string =>
  `SELECT id FROM (SELECT g.id, g.created_at, f.is_there AS has_family, NOT f.is_there AND g.created_at > now() - interval '1 minute'
       AND row_number() OVER (PARTITION BY f.is_there ORDER BY g.created_at DESC) < ${mostOnTheirWay} AS on_its_way
     FROM grants g, LATERAL (SELECT EXISTS (SELECT FROM refresh_families r WHERE r.grant_id = g.id AND ${isAliveRow('r')}) AS is_there) f
     WHERE g.user_id = ${user}::uuid AND g.client_uid = ${client} AND ${isAliveRow('g')} AND ${isOfSignIn('g')}) g
     ORDER BY on_its_way DESC, has_family DESC, created_at DESC OFFSET ${mostGrants - 1}`

const insert = statement(
  'grant-insert',
  `WITH new AS (INSERT INTO grants (id, user_id, client_uid, client_id, session_uid, offline, payload, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, ${fromNow('$8')})),
   ${audited()}
   SELECT`,
)
// Each takes a place until it expires, in a row that two at once wait for. A revoked one keeps it, else a client that revokes what it gets could
// fill the table.
const insertChild = statement<{ alive: boolean; stored: boolean }>(
  'grant-insert-child',
  `WITH parent AS (SELECT t.*, least(t.expires_at, ${fromNow('$6')}) AS ends FROM grants t WHERE t.id = $1 AND ${isAlive('t')}),
   before AS (SELECT id FROM parent UNION SELECT x.parent_id FROM grant_parents x, parent WHERE x.grant_id = parent.id),
   place AS (INSERT INTO attempts (key, count, until, places)
     SELECT 'x:' || b.id || ':' || $3, 0, ends, ARRAY[ends] FROM parent, before b WHERE ${isOfSignIn('b')}
     ON CONFLICT (key) DO UPDATE SET until = greatest(attempts.until, excluded.until), places = ${livePlaces} || excluded.places
     WHERE cardinality(${livePlaces}) < $7 RETURNING key),
   child AS (INSERT INTO grants (id, user_id, client_uid, client_id, session_uid, offline, payload, expires_at)
     SELECT $2, user_id, $3, $4, session_uid, offline, $5::jsonb, ends FROM parent, place RETURNING id),
   parents AS (INSERT INTO grant_parents (grant_id, parent_id) SELECT child.id, before.id FROM child, before)
   SELECT EXISTS (SELECT FROM parent) AS alive, EXISTS (SELECT FROM child) AS stored`,
)
const find = statement<GrantRow>('grant-find', `SELECT * FROM grants t WHERE t.id = $1 AND ${isAlive('t')}`)
const revoke = statement(
  'grant-revoke',
  `WITH ${endGrants('id = $1')},
   ${audited('revoked')}
   SELECT id FROM revoked`,
)
/** The part of a statement that begins a refresh family, with the parameters of `familyValues`. @param grants a query of the id of the grant */
export const familyInsert = (grants: string): string =>
  `INSERT INTO refresh_families (grant_id, rotated_at, expires_at, absolute_expires_at)
     SELECT g.id, date_trunc('milliseconds', now()),
       now() + least($idleTtlMs::float8, $absoluteTtlMs::float8) * interval '1 millisecond', now() + $absoluteTtlMs::float8 * interval '1 millisecond'
     FROM (${grants}) g WHERE $idleTtlMs::float8 IS NOT NULL ON CONFLICT DO NOTHING RETURNING seq, rotated_at`
export const familyValues = (family: NewFamily | undefined) => ({
  idleTtlMs: family?.idleTtlMs,
  absoluteTtlMs: family?.absoluteTtlMs,
})

// The family is inserted only while the grant is alive. A replay that comes while the first caller's statement runs waits for
// its mark. Its snapshot may not see the new family row, but it revokes the grant, and `rotate` looks at the grant too.
const spendCode = statement<{ first: boolean; seq: number | null; rotated_at: Date | null }>(
  'grant-spend-code',
  `WITH mark AS (${insertMark({ kind: "'code'", id: '$jti', ends: '$ends' })}),
   family AS (${familyInsert(`SELECT g.id FROM grants g, mark WHERE g.id = $grantId AND ${isAliveRow('g')}`)}),
   ${endGrants('id = $grantId AND NOT EXISTS (SELECT FROM mark)')},
   ${audited('revoked')}
   SELECT EXISTS (SELECT FROM mark) AS first, f.seq, f.rotated_at
   FROM (SELECT) one LEFT JOIN (
     SELECT seq, rotated_at FROM family UNION ALL SELECT seq, rotated_at FROM refresh_families r WHERE r.grant_id = $grantId AND ${isAliveRow('r')}
   ) f ON true`,
)

export interface GrantRow {
  readonly id: string
  readonly user_id: string
  readonly client_uid: string
  readonly client_id: string
  readonly session_uid: string | null
  readonly offline: boolean
  readonly payload: unknown
  readonly created_at: Date | string
  readonly expires_at: Date | string
}

export function createGrants(needs: { database: Connection; audit: AuditRows; changes: StoreChanges }): Grants {
  const { database, audit, changes } = needs
  return {
    async insert(grant, events = []) {
      await runAudited(needs, insert, grantValues(grant), events)
    },
    async insertChild({ parentId, id, clientUid, clientId, payload, lifeMs }) {
      const values = [parentId, id, clientUid, clientId, JSON.stringify(payload), lifeMs, childrenPerClient]
      const [row] = await database.query(insertChild, values)
      if (row?.stored) return 'stored'
      return row?.alive ? 'too-many' : 'ended'
    },
    find: async (id) => (await database.query(find, [id])).map(grantOf)[0],
    async revoke(id, events = []) {
      const revoked = await runAudited(needs, revoke, [id], events)
      await changes.report(id)
      return revoked.length === 1
    },
    async consumeCode({ jti, expiresAt, grantId, family, auditOnReplay }) {
      const values = { jti, ends: expiresAt, grantId, ...familyValues(family), audit: audit.rows(auditOnReplay) }
      const rows = await database.query(spendCode, values)
      const row = rows[0]!
      if (!row.first) {
        await changes.report(grantId)
        audit.lines(auditOnReplay)
        return { kind: 'replayed' }
      }
      if (row.seq === null || row.rotated_at === null) return { kind: 'spent' }
      return { kind: 'spent', family: { seq: row.seq, rotatedAt: row.rotated_at.getTime() } }
    },
  }
}

/** In the order of the columns of `grant-insert`. */
const grantValues = (grant: NewGrant): unknown[] => [
  grant.id,
  grant.userId,
  grant.clientUid,
  grant.clientId,
  grant.sessionUid ?? null,
  grant.offline,
  JSON.stringify(grant.payload),
  grant.lifeMs,
]

export const grantOf = (row: GrantRow): StoredGrant => ({
  id: row.id,
  userId: row.user_id,
  clientUid: row.client_uid,
  clientId: row.client_id,
  sessionUid: row.session_uid ?? undefined,
  offline: row.offline,
  payload: jsonColumn(row.payload, 'grants', row.id),
  createdAt: new Date(row.created_at),
  expiresAt: new Date(row.expires_at),
})
