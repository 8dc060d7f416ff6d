// Queues rows of the audit log and writes them in batches. While PostgreSQL is away they wait; the oldest go when they become too many. A
// row that PostgreSQL refuses
// holds up no other one: it is found by halves, and stored as text.
import { hasCode } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { CounterOf, Metrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../../metrics.ts'
import type { Connection, Statement } from '../driver/database.ts'

/** What a row has at least; the others are columns too. */
export interface QueuedRow {
  readonly at: string
  readonly event: string
  readonly outcome: string
  readonly replica: string
}

export interface AuditBacklog {
  readonly waiting: number
  /** PostgreSQL was away for too long, or refused even the text of the row. */
  readonly lost: number
  /** PostgreSQL refused the row, and has its text. */
  readonly setAside: number
}

/** Milliseconds and rows. */
const batch = { everyMs: 500, most: 1000, keep: 50_000 }

export class AuditQueue {
  readonly #needs: { database: Connection; insert: Statement; log: Log }
  readonly #troubled: CounterOf<NonNullable<typeof serverMetrics.auditRows.labels>> | undefined
  #waiting: QueuedRow[] = []
  #lost = 0
  #setAside = 0
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined

  /** @param needs.insert its one parameter is a JSON list of rows */
  constructor(needs: { database: Connection; insert: Statement; log: Log; metrics?: Metrics | undefined }) {
    this.#needs = needs
    this.#troubled = needs.metrics?.counter(serverMetrics.auditRows)
    const waiting = needs.metrics?.gauge(serverMetrics.auditWaiting)
    needs.metrics?.onRender(() => waiting?.set(this.#waiting.length))
  }

  add(row: QueuedRow): void {
    this.#waiting.push(row)
    this.#schedule()
  }

  flush(): Promise<void> {
    return (this.#flushing ??= this.#writeAll().finally(() => {
      this.#flushing = undefined
    }))
  }

  backlog(): AuditBacklog {
    return { waiting: this.#waiting.length, lost: this.#lost, setAside: this.#setAside }
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
      const written = await this.#write(rows)
      this.#waiting = this.#waiting.slice(written)
      // also when all were written: a slow PostgreSQL may take fewer than come
      this.#drop(this.#waiting.length - batch.keep)
      if (written < rows.length) return this.#schedule()
    }
  }

  /** @returns how many of the first need no more work; fewer than all while PostgreSQL is away */
  async #write(rows: readonly QueuedRow[]): Promise<number> {
    try {
      await this.#insert(rows)
      return rows.length
    } catch (error) {
      if (isAway(error)) return 0
      if (rows.length === 1) return (await this.#putAside(rows[0]!, error)) ? 1 : 0
    }
    const half = Math.ceil(rows.length / 2)
    const first = await this.#write(rows.slice(0, half))
    return first < half ? first : half + (await this.#write(rows.slice(half)))
  }

  async #insert(rows: readonly QueuedRow[]): Promise<void> {
    await this.#needs.database.query(this.#needs.insert, [JSON.stringify(rows)])
  }

  /** @returns false while PostgreSQL is away */
  async #putAside(row: QueuedRow, refusal: unknown): Promise<boolean> {
    const { at, event, outcome, replica } = row
    this.#needs.log.error({ event, error: refusal }, 'PostgreSQL refused a row of the audit log')
    try {
      const aside = { at, event, outcome, replica, detail: { refused: asText(row) } }
      await this.#insert([aside])
      this.#setAside++
      this.#troubled?.inc({ outcome: 'set_aside' })
    } catch (error) {
      if (isAway(error)) return false
      // its line was written at once
      this.#lose(1)
    }
    return true
  }

  #drop(count: number): void {
    if (count <= 0) return
    this.#waiting = this.#waiting.slice(count)
    this.#lose(count)
  }

  #lose(count: number): void {
    this.#lost += count
    this.#troubled?.inc({ outcome: 'lost' }, count)
    this.#needs.log.warn({ lost: this.#lost }, 'audit rows lost')
  }
}

/** Nothing is wrong with the row: it is written later. */
const isAway = (error: unknown): boolean =>
  hasCode(error, 'STORE_UNAVAILABLE') || hasCode(error, 'STORE_SCHEMA_OUTDATED')

/** The row as plain ASCII: characters that PostgreSQL does not take stand there by their numbers. */
function asText(row: QueuedRow): string {
  const text = JSON.stringify(row, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  return text.replaceAll(/[^\x20-\x7e]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
