// The audit log. An event is written as a JSON line at once and as a row within a second; a statement that changes something writes
// the row of its event itself.
import type { Log } from '@nauthera/runtime/log'
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

export type AuditName =
  | `signin.${'success' | 'failure' | 'locked' | 'refused'}`
  | 'password.changed'
  | `account.${'created' | 'changed' | 'disabled' | 'enabled' | 'unlocked'}`
  | `consent.${'granted' | 'denied'}`
  | 'authorization.refused'
  | `token.${'issued' | 'refreshed' | 'refused' | 'revoked'}`
  | 'code.replay'
  | 'refresh.reuse'
  | `session.${'ended' | 'revoked_all'}`
  | `client.${'auth_failed' | 'previous_secret_used'}`
  | `key.${'created' | 'removed' | 'reencrypted'}`
  | 'config.client_rejected'
  | `admin.${string}`

/** Never a secret, code, token, password or cookie in any field. */
export interface AuditEvent {
  readonly event: AuditName
  readonly outcome: 'success' | 'failure'
  readonly reason?: string | undefined
  readonly userId?: string | undefined
  readonly clientUid?: string | undefined
  readonly clientId?: string | undefined
  readonly address?: string | undefined
  /** The browser's own description of itself. */
  readonly agent?: string | undefined
  readonly correlationId?: string | undefined
  readonly detail?: Readonly<Record<string, string | number | boolean>> | undefined
}

/** For statements that write the rows of their audit events themselves. */
export interface AuditRows {
  /** @returns the parameter for `auditInsert`, with time and replica filled in */
  rows(events: readonly AuditEvent[]): string
  /** Writes the JSON lines, after the commit. */
  lines(events: readonly AuditEvent[]): void
}

export interface Audit extends AuditRows {
  /** Writes the line before it returns, the row within a second. Never throws. */
  record(event: AuditEvent): void
  /** Writes the rows that wait. */
  flush(): Promise<void>
  /** How many rows wait, and how many were lost because PostgreSQL was away for too long. */
  backlog(): { waiting: number; lost: number }
  search(filter: { since?: Date; userId?: string; event?: string; limit: number }): Promise<AuditRecord[]>
  stop(): Promise<void>
}

export type AuditRecord = AuditEvent & { readonly at: Date; readonly replica: string }

const columns =
  'at, event, outcome, reason, user_id, client_uid, client_id, address, agent, correlation_id, replica, detail'

/** The part of a statement that inserts audit rows.
 *  @param parameter such as `$7`: the text that `rows` gives
 *  @param condition such as ` WHERE EXISTS (SELECT FROM changed)`; default: always insert */
export const auditInsert = (parameter: string, condition = ''): string =>
  `INSERT INTO audit (${columns}) SELECT ${columns
    .split(', ')
    .map((column) => `e.${column}`)
    .join(
      ', ',
    )} FROM jsonb_to_recordset(${parameter}::jsonb) AS e(at timestamptz, event text, outcome text, reason text, user_id text, client_uid text, client_id text, address text, agent text, correlation_id text, replica text, detail jsonb)${condition}`

const insertBatch = statement('audit-batch', auditInsert('$1'), { batched: true })
const searchRows = statement(
  'audit-search',
  `SELECT * FROM audit WHERE at >= $1 AND ($2::text IS NULL OR user_id = $2) AND ($3::text IS NULL OR event = $3)
   ORDER BY at DESC, id DESC LIMIT $4`,
)

/** Milliseconds and rows. */
const batch = { everyMs: 500, most: 1000, keep: 50_000 }
const longestText = 500

interface Needs {
  readonly database: Connection
  readonly log: Log
  readonly replica: string
  readonly now?: () => Date
}

export function createAudit(needs: Needs): Audit {
  const { database, log, replica, now = () => new Date() } = needs
  const queue = new AuditQueue({ database, log })
  const toRow = (event: AuditEvent) => rowOf(event, now(), replica)
  const lines = (events: readonly AuditEvent[]) => {
    for (const { event, userId, clientId, clientUid, correlationId, ...rest } of events) {
      log.info({ event, ...rest, user: userId, client: clientId, clientUid, correlation: correlationId }, 'audit')
    }
  }
  return {
    rows: (events) => JSON.stringify(events.map(toRow)),
    lines,
    record(event) {
      lines([event])
      queue.add(toRow(event))
    },
    flush: () => queue.flush(),
    backlog: () => queue.backlog(),
    async search(filter) {
      const values = [filter.since ?? new Date(0), filter.userId ?? null, filter.event ?? null, filter.limit]
      return (await database.query<AuditRow>(searchRows, values)).map(recordOf)
    },
    stop: () => queue.stop(),
  }
}

/** Rows that wait to be written. While PostgreSQL is away they are kept; the oldest go first when they become too many. */
class AuditQueue {
  readonly #database: Connection
  readonly #log: Log
  #waiting: NewRow[] = []
  #lost = 0
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined

  constructor(needs: { database: Connection; log: Log }) {
    this.#database = needs.database
    this.#log = needs.log
  }

  add(row: NewRow): void {
    this.#waiting.push(row)
    this.#schedule()
  }

  flush(): Promise<void> {
    return (this.#flushing ??= this.#writeAll().finally(() => (this.#flushing = undefined)))
  }

  backlog(): { waiting: number; lost: number } {
    return { waiting: this.#waiting.length, lost: this.#lost }
  }

  async stop(): Promise<void> {
    this.#unschedule()
    await this.flush()
    this.#unschedule()
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.flush()
    }, batch.everyMs)
    this.#timer.unref()
  }

  #unschedule(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const rows = this.#waiting.slice(0, batch.most)
      try {
        await this.#database.query(insertBatch, [JSON.stringify(rows)])
      } catch {
        // no event is lost: its line was written at once
        this.#drop(this.#waiting.length - batch.keep)
        return this.#schedule()
      }
      this.#waiting = this.#waiting.slice(rows.length)
    }
  }

  #drop(count: number): void {
    if (count <= 0) return
    this.#waiting = this.#waiting.slice(count)
    this.#lost += count
    this.#log.warn({ lost: this.#lost }, 'audit rows lost')
  }
}

type NewRow = ReturnType<typeof rowOf>

const rowOf = (event: AuditEvent, at: Date, replica: string) => ({
  at: at.toISOString(),
  event: event.event,
  outcome: event.outcome,
  reason: clean(event.reason),
  user_id: clean(event.userId),
  client_uid: clean(event.clientUid),
  client_id: clean(event.clientId),
  address: clean(event.address),
  agent: clean(event.agent),
  correlation_id: clean(event.correlationId),
  replica,
  detail: event.detail,
})

/** Some of these texts come from outside: they are cut to a length, and lose the NUL that PostgreSQL refuses. */
const clean = (text: string | undefined): string | undefined =>
  text === undefined
    ? undefined
    : text.toWellFormed().replaceAll('\u0000', '\uFFFD').slice(0, longestText).toWellFormed()

interface AuditRow {
  readonly at: Date
  readonly event: AuditName
  readonly outcome: AuditEvent['outcome']
  readonly reason: string | null
  readonly user_id: string | null
  readonly client_uid: string | null
  readonly client_id: string | null
  readonly address: string | null
  readonly agent: string | null
  readonly correlation_id: string | null
  readonly replica: string
  readonly detail: NonNullable<AuditEvent['detail']> | null
}

const recordOf = (row: AuditRow): AuditRecord => ({
  at: row.at,
  event: row.event,
  outcome: row.outcome,
  reason: row.reason ?? undefined,
  userId: row.user_id ?? undefined,
  clientUid: row.client_uid ?? undefined,
  clientId: row.client_id ?? undefined,
  address: row.address ?? undefined,
  agent: row.agent ?? undefined,
  correlationId: row.correlation_id ?? undefined,
  replica: row.replica,
  detail: row.detail ?? undefined,
})
