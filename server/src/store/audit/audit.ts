// The audit log. An event is written as a JSON line at once; that of a token that was granted is the line of its request. As a row it is
// written within a second, or counted with its like in a row for each minute (audit-counts.ts); a statement that changes something writes the
// row of its event itself.
import { foreign } from '@nauthera/runtime/log'
import type { Fields, Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../../metrics.ts'
import { AuditCounts, countingOf } from './audit-counts.ts'
import type { Counting } from './audit-counts.ts'
import type { AuditEvent } from './audit-event.ts'
import { AuditQueue } from './audit-queue.ts'
import type { AuditBacklog } from './audit-queue.ts'
import { auditInsert } from './audit-rows.ts'
import type { AuditRows } from './audit-rows.ts'
import { AuditFollower, searchAudit } from './audit-search.ts'
import type { AuditFilter, AuditRecord } from './audit-search.ts'
import { statement } from '../driver/database.ts'
import type { Connection } from '../driver/database.ts'

export type { AuditFilter, AuditRecord } from './audit-search.ts'

export interface Audit extends AuditRows {
  /** Writes the line before it returns, the row within a second; an event that is counted gets its row within a minute. Never throws. */
  record(event: AuditEvent): void
  /** As `record`, for what was granted: its line is left to who writes that of the request.
   *  @returns the fields of the line */
  recordGranted(event: AuditEvent): Fields
  /** Writes the rows that wait, and those of the events that were counted so far. */
  flush(): Promise<void>
  backlog(): AuditBacklog
  /** @returns the newest first; with `afterId` in the order in which they were written */
  search(filter: AuditFilter): Promise<AuditRecord[]>
  /** Shows what comes from now on. */
  follow(filter: Omit<AuditFilter, 'limit'>): Promise<AuditFollower>
  stop(): Promise<void>
}

const insertBatch = statement('audit-batch', auditInsert('$1'), { batched: true })
const countFor = 60_000
const longestText = 500

/** `audit` of the server's settings, without the retention (reaper.ts). */
export interface AuditSettings {
  /** Tokens that machines get for themselves: a row for each, or one for each minute and client. */
  readonly machineTokens: 'counted' | 'each'
}

interface Needs {
  readonly database: Connection
  readonly log: Log
  readonly metrics?: Metrics | undefined
  readonly replica: string
  readonly settings: AuditSettings
  readonly now?: () => Date
}

export function createAudit(needs: Needs): Audit {
  const { database, log, metrics, replica, settings, now = () => new Date() } = needs
  const queue = new AuditQueue({ database, insert: insertBatch, log, metrics })
  const events = metrics?.counter(serverMetrics.auditEvents)
  const count = ({ event, outcome }: AuditEvent) => events?.inc({ event, outcome })
  const counter = new AuditCounter((event, at) => queue.add(rowOf(event, at, replica)))
  const lines = (written: readonly AuditEvent[]) => {
    written.forEach(count)
    // what succeeded has its row by now
    for (const event of written)
      if (event.outcome === 'success') log.later(lineOf(event), 'audit')
      else log.info(lineOf(event), 'audit')
  }
  const enter = (event: AuditEvent) => {
    count(event)
    const counting = countingOf(event, settings.machineTokens)
    if (counting === undefined) queue.add(rowOf(event, now(), replica))
    else counter.add(event, counting, now())
  }
  return {
    rows: (events) => JSON.stringify(events.map((event) => rowOf(event, now(), replica))),
    lines,
    record(event) {
      log.info(lineOf(event), 'audit')
      enter(event)
    },
    recordGranted(event) {
      enter(event)
      return lineOf(event)
    },
    flush() {
      counter.pour()
      return queue.flush()
    },
    backlog: () => queue.backlog(),
    search: (filter) => searchAudit(database, filter),
    follow: (filter) => AuditFollower.from(database, filter),
    stop() {
      counter.pour()
      return queue.stop()
    },
  }
}

function lineOf(event: AuditEvent): Fields {
  const { reason, agent } = event
  return {
    event: event.event,
    outcome: event.outcome,
    reason: reason && foreign(reason),
    address: event.address,
    agent: agent && foreign(agent),
    detail: event.detail,
    user: event.userId,
    client: event.clientId,
    clientUid: event.clientUid,
    correlation: event.correlationId,
  }
}

/** Pours what was counted into rows: a minute after the first event. */
class AuditCounter {
  readonly #pourInto: (event: AuditEvent, at: Date) => void
  readonly #counts = new AuditCounts()
  #timer: NodeJS.Timeout | undefined

  constructor(pourInto: (event: AuditEvent, at: Date) => void) {
    this.#pourInto = pourInto
  }

  add(event: AuditEvent, counting: Counting, at: Date): void {
    this.#counts.add(event, counting, at)
    this.#timer ??= setTimeout(() => this.pour(), countFor).unref()
  }

  /** Nothing is counted and no timer runs after it. */
  pour(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { event, at } of this.#counts.take()) this.#pourInto(event, at)
  }
}

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
  detail: event.detail && Object.fromEntries(Object.entries(event.detail).map(cleanDetail)),
})

const cleanDetail = ([name, value]: [string, string | number | boolean]) => [
  name,
  typeof value === 'string' ? clean(value) : value,
]

/** Some of these texts come from outside: they are cut to a length, and lose the NUL that PostgreSQL refuses. */
function clean(text: string | undefined): string | undefined {
  // nearly all of them are as they should be
  if (text === undefined || (text.length <= longestText && text.isWellFormed() && !text.includes('\u0000'))) return text
  return text.toWellFormed().replaceAll('\u0000', '\uFFFD').slice(0, longestText).toWellFormed()
}
