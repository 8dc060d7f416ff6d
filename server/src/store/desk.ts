// Acts of the help desk. One transaction holds the act and what decides about it: the groups of everybody concerned, the member's quota, and
// the request of another member.
import { randomUUID } from 'node:crypto'
import type { Mail } from '../mails.ts'
import { createAttempts } from './people/attempts.ts'
import type { Attempts } from './people/attempts.ts'
import { audited, runAudited } from './audit/audited.ts'
import type { AuditEvent } from './audit/audit-event.ts'
import { createDevices } from './sessions/devices.ts'
import type { Devices } from './sessions/devices.ts'
import { resetFactors } from './factors/factors.ts'
import type { Factors } from './factors/factors.ts'
import { createGroups } from './people/groups.ts'
import type { Groups } from './people/groups.ts'
import { inTransaction } from './outbox/in-transaction.ts'
import type { Transactional } from './outbox/in-transaction.ts'
import { createMailLinks, insertPlace } from './people/mail-links.ts'
import type { MailLinks } from './people/mail-links.ts'
import { outboxInsert } from './outbox/outbox-rows.ts'
import type { Outbox } from './outbox/outbox.ts'
import { statement } from './driver/database.ts'
import { personCounts } from './tokens/what-counts.ts'
import { createUpstreamLinks } from './factors/upstream-links.ts'
import type { UpstreamLinks } from './factors/upstream-links.ts'
import { groupsOf, isUuid, preferencesOf, sourceOf, userOf } from './people/user.ts'
import type { User, UserRow } from './people/user.ts'
import { createUsers } from './people/users.ts'
import type { Users } from './people/users.ts'

/** A person as the database knows them at this moment. Groups that a directory says are not among theirs. */
export interface LockedPerson {
  readonly user: User
  /** Every group that a provider said at the last sign-in there, also where that counts no more. */
  readonly saidGroups: readonly string[]
}

/** What waits for a second member. */
export interface DeskRequest {
  readonly id: string
  readonly act: string
  /** Which one of the person's; '' where there is only one. */
  readonly about: string
  readonly person: NamedPerson
  readonly askedBy: NamedPerson
  readonly askedAt: Date
  readonly expiresAt: Date
}

interface NamedPerson {
  readonly id: string
  readonly username: string
}

/** The tables within the transaction; nobody's groups change before its end. */
export interface DeskWork {
  readonly users: Pick<Users, 'setDisabled' | 'revokeSessions'>
  readonly attempts: Pick<Attempts, 'unlock'>
  readonly factors: Pick<Factors, 'reset'>
  readonly upstreamLinks: Pick<UpstreamLinks, 'unlink'>
  readonly devices: Pick<Devices, 'signOut'>
  readonly groups: Pick<Groups, 'addMember' | 'removeMember'>
  readonly mailLinks: Pick<MailLinks, 'addForPerson' | 'addForEmail'>
  /** Those whose rows are locked; whoever is gone is missing. */
  readonly people: ReadonlyMap<string, LockedPerson>
  /** Counts one act of a member. @param most in an hour, of all acts, and of severe ones. @returns false when there were too many */
  countAct(memberId: string, kind: 'any' | 'severe', most: number): Promise<boolean>
  /** @returns false when it was asked before, and may still be confirmed */
  request(request: { act: string; about: string; userId: string; askedBy: string }, audit: AuditEvent): Promise<boolean>
  /** @returns false when the request is gone or too old */
  consume(requestId: string): Promise<boolean>
  /** Members of groups that were given here, and of those that these providers said. */
  membersWithMail(groups: readonly string[], from: readonly string[]): Promise<User[]>
  queue(mails: readonly Mail[]): Promise<void>
}

export interface Desk {
  /** @param ids of people: their rows, and with them their groups, stay as they are until `work` is done */
  withPeople<T>(ids: readonly string[], work: (on: DeskWork) => Promise<T>): Promise<T>
  /** What waits, the oldest first. @param userId about this person; default: everybody */
  requests(userId?: string): Promise<DeskRequest[]>
}

/** How long a second member may confirm. */
export const confirmWithinMinutes = 60
const hourMs = 3_600_000
const mostRequests = 50
const mostMembers = 50

// adding somebody to a group locks the person's row too (a foreign key), so the two wait for each other
const lockPeople = statement('desk-lock-people', 'SELECT FROM users WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE')
const lockLinks = statement(
  'desk-lock-links',
  'SELECT FROM upstream_links WHERE user_id = ANY($1::uuid[]) ORDER BY issuer, subject FOR UPDATE',
)
const people = statement<LockedRow>(
  'desk-people',
  `SELECT u.*, ${sourceOf}, ${groupsOf}, ARRAY(SELECT unnest(l.groups) FROM upstream_links l WHERE l.user_id = u.id) AS said_groups
   FROM users u WHERE u.id = ANY($1::uuid[])`,
)
const countAct = statement(
  'desk-count-act',
  `WITH ${insertPlace("'d:' || $4::text || ':' || $1::uuid", '$2::integer', '$3::float8')} SELECT key FROM place`,
)
const ask = statement(
  'desk-ask',
  `WITH asked AS (INSERT INTO desk_requests (id, act, about, user_id, asked_by, expires_at)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp() + ${confirmWithinMinutes} * interval '1 minute')
     ON CONFLICT ON CONSTRAINT desk_requests_once DO UPDATE
       SET id = excluded.id, asked_by = excluded.asked_by, asked_at = now(), expires_at = excluded.expires_at
       WHERE desk_requests.expires_at <= clock_timestamp() RETURNING id),
   ${audited('asked')}
   SELECT id FROM asked`,
)
const consume = statement(
  'desk-consume',
  'DELETE FROM desk_requests WHERE id = $1::uuid AND expires_at > clock_timestamp() RETURNING id',
)
const requests = statement<RequestRow>(
  'desk-requests',
  `SELECT r.*, p.username AS person, a.username AS asked_by_name
   FROM desk_requests r JOIN users p ON p.id = r.user_id JOIN users a ON a.id = r.asked_by
   WHERE r.expires_at > clock_timestamp() AND ($1::uuid IS NULL OR r.user_id = $1) ORDER BY r.asked_at LIMIT ${mostRequests}`,
)
const members = statement<UserRow>(
  'desk-members',
  `SELECT u.*, ${groupsOf}, ${preferencesOf} FROM users u WHERE ${personCounts.sql('u')} AND u.email IS NOT NULL AND u.id IN (
     SELECT m.user_id FROM groups g JOIN group_members m ON m.group_id = g.id WHERE g.name = ANY($1) AND 'postgres' = ANY($2)
     UNION SELECT l.user_id FROM upstream_links l WHERE l.upstream = ANY($2) AND l.groups && $1::text[])
   ORDER BY u.id LIMIT ${mostMembers}`,
)
const queue = statement('desk-queue', outboxInsert('$1'))

interface RequestRow {
  readonly id: string
  readonly act: string
  readonly about: string
  readonly user_id: string
  readonly person: string
  readonly asked_by: string
  readonly asked_by_name: string
  readonly asked_at: Date
  readonly expires_at: Date
}

type LockedRow = UserRow & { readonly said_groups: readonly string[] }

export function createDesk(needs: Transactional & { readonly outbox: Outbox }): Desk {
  return {
    withPeople: (ids, work) =>
      inTransaction(needs, async (bound) => {
        const { database } = bound
        const wanted = [...new Set(ids)]
        await database.query(lockPeople, [wanted])
        await database.query(lockLinks, [wanted])
        const rows = await database.query(people, [wanted])
        const known = rows.map((row) => [row.id, { user: userOf(row), saidGroups: row.said_groups }] as const)
        return work({ ...tablesOf({ ...bound, outbox: needs.outbox }), people: new Map(known) })
      }),
    async requests(userId) {
      if (userId !== undefined && !isUuid(userId)) return []
      return (await needs.database.query(requests, [userId ?? null])).map(requestOf)
    },
  }
}

function tablesOf(bound: Transactional & { readonly outbox: Outbox }): Omit<DeskWork, 'people'> {
  const { database, outbox } = bound
  return {
    users: createUsers(bound),
    attempts: createAttempts(bound),
    factors: { reset: (userId, events, mail) => resetFactors(bound, userId, events, mail) },
    upstreamLinks: createUpstreamLinks(bound),
    devices: createDevices(bound),
    groups: createGroups(bound),
    mailLinks: createMailLinks(bound),
    countAct: async (id, kind, most) => (await database.query(countAct, [id, most, hourMs, kind])).length === 1,
    async request({ act, about, userId, askedBy }, event) {
      return (await runAudited(bound, ask, [randomUUID(), act, about, userId, askedBy], [event])).length === 1
    },
    consume: async (id) => isUuid(id) && (await database.query(consume, [id])).length === 1,
    membersWithMail: async (groups, from) => (await database.query(members, [groups, from])).map(userOf),
    queue: async (mails) => void (await database.query(queue, [outbox.rows(mails)])),
  }
}

const requestOf = (row: RequestRow): DeskRequest => ({
  id: row.id,
  act: row.act,
  about: row.about,
  person: { id: row.user_id, username: row.person },
  askedBy: { id: row.asked_by, username: row.asked_by_name },
  askedAt: row.asked_at,
  expiresAt: row.expires_at,
})
