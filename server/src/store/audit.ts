// The audit log: a JSON line at once, a row within a second; what changes state brings its row in the same statement.
import type { Log } from '@nauthera/runtime/log'
import { statement } from './postgres.ts'
import type { Connection } from './postgres.ts'

export type AuditName =
  | `signin.${'success' | 'failure' | 'locked' | 'refused'}`
  | `factor.${'enrolled' | 'removed' | 'failure' | 'recovery_used'}`
  | `password.${'changed' | 'reset_requested' | 'reset'}`
  | `account.${'created' | 'linked' | 'disabled' | 'enabled' | 'deleted'}`
  | `consent.${'granted' | 'denied' | 'revoked'}`
  | 'authorization.refused'
  | `token.${'issued' | 'refreshed' | 'refused' | 'revoked'}`
  | 'code.replay'
  | 'refresh.reuse'
  | `session.${'ended' | 'revoked_all'}`
  | 'logout.backchannel_failed'
  | `device.${'approved' | 'denied' | 'blocked'}`
  | `client.${'auth_failed' | 'previous_secret_used'}`
  | `key.${'created' | 'activated' | 'removed' | 'reencrypted'}`
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

/** Writes audit events that ride in another statement. */
export interface AuditRows {
  /** @returns the parameter for `auditInsert`, with time and replica filled in */
  rows(events: readonly AuditEvent[]): string
  /** The JSON lines of what is committed now. */
  lines(events: readonly AuditEvent[]): void
}

export interface Audit extends AuditRows {
  /** Writes the line before it returns, the row within a second. Never throws. */
  record(event: AuditEvent): void
  /** Writes what is waiting. */
  flush(): Promise<void>
  /** How many rows wait, and how many were given up because PostgreSQL was away for too long. */
  backlog(): { waiting: number; lost: number }
  search(filter: { since?: Date; userId?: string; event?: string; limit: number }): Promise<AuditRecord[]>
  stop(): Promise<void>
}

export type AuditRecord = AuditEvent & { readonly at: Date; readonly replica: string }

const columns =
  'at, event, outcome, reason, user_id, client_uid, client_id, address, agent, correlation_id, replica, detail'

/** The part of a statement that inserts audit rows.
 *  @param parameter such as `$7`: the text that `rows` gives
 *  @param condition such as `FROM mark`: rows are inserted once per row of it; default always */
export const auditInsert = (parameter: string, condition = ''): string =>
  `INSERT INTO audit (${columns}) SELECT ${columns
    .split(', ')
    .map((column) => `e.${column}`)
    .join(
      ', ',
    )} FROM jsonb_to_recordset(${parameter}::jsonb) AS e(at timestamptz, event text, outcome text, reason text, user_id text, client_uid text, client_id text, address text, agent text, correlation_id text, replica text, detail jsonb)${condition}`

const insertBatch = statement('audit-batch', auditInsert('$1'))
const searchRows = statement(
  'audit-search',
  `SELECT * FROM audit WHERE at >= $1 AND ($2::text IS NULL OR user_id = $2) AND ($3::text IS NULL OR event = $3)
   ORDER BY at DESC, id DESC LIMIT $4`,
)

/** Milliseconds and rows. */
const batch = { everyMs: 500, most: 1000, keep: 50_000 }
const longestText = 500

export function createAudit(needs: { database: Connection; log: Log; replica: string; now?: () => Date }): Audit {
  const { database, log, replica } = needs
  const now = needs.now ?? (() => new Date())
  let waiting: unknown[] = []
  let lost = 0
  let timer: NodeJS.Timeout | undefined
  let flushing: Promise<void> | undefined

  const toRow = (event: AuditEvent) => ({
    at: now().toISOString(),
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
  const lines = (events: readonly AuditEvent[]) => {
    for (const { event, userId, clientId, clientUid, correlationId, ...rest } of events) {
      log.info({ event, ...rest, user: userId, client: clientId, clientUid, correlation: correlationId }, 'audit')
    }
  }

  function schedule(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      void flush()
    }, batch.everyMs)
    timer.unref()
  }

  const flush = (): Promise<void> => (flushing ??= writeAll().finally(() => (flushing = undefined)))

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const rows = waiting.slice(0, batch.most)
      try {
        await database.query(insertBatch, [JSON.stringify(rows)])
      } catch {
        // the lines are out already; the rows wait for PostgreSQL, the oldest go first when they become too many
        const over = waiting.length - batch.keep
        if (over > 0) {
          waiting = waiting.slice(over)
          lost += over
          log.warn({ lost }, 'audit rows lost')
        }
        return schedule()
      }
      waiting = waiting.slice(rows.length)
    }
  }

  return {
    rows: (events) => JSON.stringify(events.map(toRow)),
    lines,
    record(event) {
      lines([event])
      waiting.push(toRow(event))
      schedule()
    },
    flush,
    backlog: () => ({ waiting: waiting.length, lost }),
    async search(filter) {
      const values = [filter.since ?? new Date(0), filter.userId ?? null, filter.event ?? null, filter.limit]
      return (await database.query<Record<string, unknown>>(searchRows, values)).map(recordOf)
    },
    async stop() {
      clearTimeout(timer)
      timer = undefined
      await flush()
      clearTimeout(timer)
    },
  }
}

/** What others send ends up here too: bounded, and without the NUL that PostgreSQL refuses. */
const clean = (text: string | undefined): string | undefined =>
  text === undefined
    ? undefined
    : text.toWellFormed().replaceAll('\u0000', '\uFFFD').slice(0, longestText).toWellFormed()

function recordOf(row: Record<string, unknown>): AuditRecord {
  const text = (key: string) => (row[key] as string | null) ?? undefined
  return {
    at: row['at'] as Date,
    event: row['event'] as AuditName,
    outcome: row['outcome'] as AuditEvent['outcome'],
    reason: text('reason'),
    userId: text('user_id'),
    clientUid: text('client_uid'),
    clientId: text('client_id'),
    address: text('address'),
    agent: text('agent'),
    correlationId: text('correlation_id'),
    replica: row['replica'] as string,
    detail: (row['detail'] as AuditEvent['detail'] | null) ?? undefined,
  }
}
