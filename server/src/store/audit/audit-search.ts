// Reads the audit log: what was asked for, the newest first, page by page; or what comes, as it comes.
import { eventsThat } from './audit-event.ts'
import type { AuditEvent, AuditName } from './audit-event.ts'
import { statement } from '../driver/database.ts'
import type { Connection, Statement } from '../driver/database.ts'

export type AuditRecord = AuditEvent & {
  /** Rises in the order in which rows were written, which is not that of `at`. */
  readonly id: number
  readonly at: Date
  readonly replica: string
  /** As it is today; undefined when the person is gone. */
  readonly username: string | undefined
  /** Who did it, and to whom: user names as they are today, ids of who is gone. Undefined where nobody is known to have done it, or
   *  nobody else was concerned. */
  readonly actor: string | undefined
  readonly target: string | undefined
}

export interface AuditFilter {
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  readonly userId?: string | undefined
  readonly clientId?: string | undefined
  /** A name such as `signin.failure`, or a family: `signin`, `admin.users.` */
  readonly event?: string | undefined
  readonly address?: string | undefined
  readonly outcome?: AuditEvent['outcome'] | undefined
  /** The last record of the page before. */
  readonly before?: { readonly at: Date; readonly id: number } | undefined
  /** Rows written after this one. */
  readonly afterId?: number | undefined
  readonly limit: number
}

/** A part of the condition: its SQL for the numbers of its parameters, and their values. */
interface Part {
  /** Parts of one name have the same SQL. */
  readonly name: string
  readonly sql: (...parameters: string[]) => string
  readonly values: readonly unknown[]
}

const partsOf = (filter: AuditFilter): Part[] =>
  [
    given(filter.since, (date) => ({ name: 'since', sql: (at) => `at >= ${at}::timestamptz`, values: [date] })),
    given(filter.until, (date) => ({ name: 'until', sql: (at) => `at < ${at}::timestamptz`, values: [date] })),
    given(filter.userId, equal('user_id')),
    given(filter.clientId, equal('client_id')),
    given(filter.event, (event) => (isFamily(event) ? family(event) : equal('event')(event))),
    given(filter.address, equal('address')),
    given(filter.outcome, equal('outcome')),
    given(filter.before, ({ at, id }) => ({
      name: 'before',
      sql: (a, b) => `(at, id) < (${a}::timestamptz, ${b}::bigint)`,
      values: [at, id],
    })),
    given(filter.afterId, (id) => ({ name: 'after', sql: (after) => `id > ${after}::bigint`, values: [id] })),
  ].filter((part) => part !== undefined)

const given = <Value>(value: Value | undefined, part: (value: Value) => Part): Part | undefined =>
  value === undefined ? undefined : part(value)

const equal =
  (column: string) =>
  (value: string): Part => ({ name: column, sql: (at) => `${column} COLLATE "C" = ${at}`, values: [value] })

const isFamily = (event: string): boolean => event.endsWith('.') || !event.includes('.')

function family(event: string): Part {
  const begin = event.replace(/\.$/, '')
  const sql = (from: string, to: string) => `event COLLATE "C" >= ${from} AND event COLLATE "C" < ${to}`
  // in the order of bytes `/` follows `.`
  return { name: 'family', sql, values: [`${begin}.`, `${begin}/`] }
}

/** A row tells ids of people; whose record has gone since has no name. @param id SQL, text */
const usernameOf = (id: string) => `(SELECT username FROM users u WHERE u.id = CASE WHEN ${id} ~
  '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' THEN (${id})::uuid END)`
const shown = `a.*, ${usernameOf('a.user_id')} AS username,
  ${usernameOf("a.detail->>'by'")} AS by_name, ${usernameOf("a.detail->>'person'")} AS person_name`

const known = new Map<string, Statement<AuditRow>>()

/** A statement for each set of filters, so that PostgreSQL plans each for itself: none asks whether a filter is there. */
function statementFor(parts: readonly Part[], isFollowing: boolean): Statement<AuditRow> {
  const name = ['audit-search', ...parts.map((part) => part.name)].join('-')
  const before = known.get(name)
  if (before !== undefined) return before
  let count = 0
  const next = () => `$${++count}`
  const conditions = parts.map(({ sql, values }) => sql(...values.map(next)))
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const order = isFollowing ? 'id' : 'at DESC, id DESC'
  const made = statement<AuditRow>(name, `SELECT ${shown} FROM audit a ${where} ORDER BY ${order} LIMIT ${next()}`)
  known.set(name, made)
  return made
}

/** @returns the newest first; with `afterId` in the order in which they were written */
export async function searchAudit(database: Connection, filter: AuditFilter): Promise<AuditRecord[]> {
  const parts = partsOf(filter)
  const asked = statementFor(parts, filter.afterId !== undefined)
  const values = [...parts.flatMap((part) => part.values), filter.limit]
  return (await database.query(asked, values)).map(recordOf)
}

const newestId = statement<{ id: number }>('audit-newest-id', 'SELECT coalesce(max(id), 0) AS id FROM audit')

/** Several replicas write at once: a row may be seen after rows of greater ids, but not this many later. */
const lateIds = 1000
const followedAtOnce = 5000

/** Shows each row once, as it comes. */
export class AuditFollower {
  readonly #database: Connection
  readonly #filter: Omit<AuditFilter, 'limit'>
  /** Every row up to this one was seen or is not wanted. */
  #mark = 0
  readonly #seen = new Set<number>()

  private constructor(database: Connection, filter: Omit<AuditFilter, 'limit'>) {
    this.#database = database
    this.#filter = filter
  }

  /** What is there already is not shown. */
  static async from(database: Connection, filter: Omit<AuditFilter, 'limit'>): Promise<AuditFollower> {
    const follower = new AuditFollower(database, filter)
    follower.#mark = Math.max(0, (await follower.#newest()) - lateIds)
    await follower.next()
    return follower
  }

  /** Rows that were shown otherwise. */
  skip(records: readonly AuditRecord[]): void {
    for (const { id } of records) this.#seen.add(id)
  }

  /** @returns what came since, in the order in which it was written */
  async next(): Promise<AuditRecord[]> {
    const newest = await this.#newest()
    const afterId = this.#mark
    const rows = await searchAudit(this.#database, { ...this.#filter, afterId, limit: followedAtOnce })
    const fresh = rows.filter(({ id }) => !this.#seen.has(id))
    this.skip(fresh)
    // a full answer does not reach the newest row yet
    const reached = rows.length < followedAtOnce ? newest : rows.at(-1)!.id
    this.#mark = Math.max(this.#mark, reached - lateIds)
    for (const id of this.#seen) if (id <= this.#mark) this.#seen.delete(id)
    return fresh
  }

  async #newest(): Promise<number> {
    return (await this.#database.query(newestId))[0]!.id
  }
}

interface AuditRow {
  readonly id: number
  readonly at: Date
  readonly event: AuditName
  readonly outcome: AuditEvent['outcome']
  readonly reason: string | null
  readonly user_id: string | null
  readonly username: string | null
  readonly by_name: string | null
  readonly person_name: string | null
  readonly client_uid: string | null
  readonly client_id: string | null
  readonly address: string | null
  readonly agent: string | null
  readonly correlation_id: string | null
  readonly replica: string
  readonly detail: NonNullable<AuditEvent['detail']> | null
}

const recordOf = (row: AuditRow): AuditRecord => ({
  id: row.id,
  at: row.at,
  event: row.event,
  outcome: row.outcome,
  reason: row.reason ?? undefined,
  userId: row.user_id ?? undefined,
  username: row.username ?? undefined,
  clientUid: row.client_uid ?? undefined,
  clientId: row.client_id ?? undefined,
  address: row.address ?? undefined,
  agent: row.agent ?? undefined,
  correlationId: row.correlation_id ?? undefined,
  replica: row.replica,
  detail: row.detail ?? undefined,
  ...partiesOf(row),
})

/** A row belongs to one person. Its detail names the other: `by` who did it, `person` whom it was done to. */
function partiesOf(row: AuditRow): Pick<AuditRecord, 'actor' | 'target'> {
  const self = row.username ?? row.user_id ?? undefined
  const { by, person, email } = row.detail ?? {}
  const named = (name: string | null, id: unknown) => name ?? (typeof id === 'string' ? id : undefined)
  if (row.event.startsWith('admin.desk.')) return { actor: self, target: named(row.person_name, person ?? email) }
  if (by !== undefined) return { actor: named(row.by_name, by), target: self }
  // whoever runs a command has no account here; whoever fails to sign in, or asks for a mail, has not proved who they are
  const isProven = row.replica !== 'cli' && !unproven.has(row.event)
  return isProven ? { actor: self, target: undefined } : { actor: undefined, target: self }
}

const unproven = eventsThat('isUnproven')
