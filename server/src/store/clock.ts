// How far the clock of this process is from that of the database, by which the rows of all replicas are judged.
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { GaugeOf, Metrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../metrics.ts'
import { statement } from './driver/database.ts'
import type { Connection } from './driver/database.ts'

export interface DatabaseClock {
  /** Asks what time it is there. @throws CodedError STORE_UNAVAILABLE, CLOCKS_DIFFER */
  check(): Promise<void>
  /** What is wrong, as of the last answer; undefined while the clocks agree. */
  fault(): CodedError | undefined
  /** Looks now and then. */
  start(): void
  stop(): void
}

/** Milliseconds by which the clocks may differ before it is said, and before this process is not ready. Tokens are refused elsewhere from ten
 *  seconds on (clockTolerance). */
const limits = { say: 5000, refuse: 60_000 }
/** Milliseconds. */
const lookEvery = 30_000

const ask = statement<{ at: Date }>('clock-ask', 'SELECT clock_timestamp() AS at', { batched: true })

/** @param about.before the time here before the question; @param about.after behind the answer; all in epoch milliseconds
 *  @returns how far the clock here is ahead at the least; negative: behind. A slow answer makes no difference */
export function aheadBy({ before, at, after }: { before: number; at: number; after: number }): number {
  return before > at ? before - at : Math.min(0, after - at)
}

/** @returns what refuses a process whose clock is so far ahead; undefined when it may go on */
export function clockFault(aheadMs: number): CodedError | undefined {
  if (Math.abs(aheadMs) < limits.refuse) return undefined
  const says = `the clock here is ${inWords(aheadMs)} that of the database; set the one that is wrong`
  return new CodedError('CLOCKS_DIFFER', { message: says })
}

const inWords = (aheadMs: number): string =>
  `${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'}`

/** @returns milliseconds, as aheadBy */
export async function readAhead(database: Connection, now: () => number): Promise<number> {
  const before = now()
  const [row] = await database.query(ask)
  return aheadBy({ before, at: row!.at.getTime(), after: now() })
}

export const createDatabaseClock = (needs: Needs): DatabaseClock => new WatchedClock(needs)

interface Needs {
  readonly database: Connection
  readonly log: Log
  readonly metrics?: Metrics | undefined
  /** Epoch milliseconds, of this process. */
  readonly now?: () => number
}

class WatchedClock implements DatabaseClock {
  readonly #needs: Needs
  readonly #ahead: GaugeOf | undefined
  #aheadMs = 0
  /** What was said last. */
  #said: 'agrees' | 'differs' | 'refused' = 'agrees'
  #timer: NodeJS.Timeout | undefined

  constructor(needs: Needs) {
    this.#needs = needs
    this.#ahead = needs.metrics?.gauge(serverMetrics.clockAhead)
  }

  async check(): Promise<void> {
    const { database, now = Date.now } = this.#needs
    this.#aheadMs = await readAhead(database, now)
    this.#ahead?.set(this.#aheadMs / 1000)
    this.#say()
    const fault = this.fault()
    if (fault !== undefined) throw fault
  }

  fault(): CodedError | undefined {
    return clockFault(this.#aheadMs)
  }

  start(): void {
    this.#timer ??= setInterval(async () => {
      await this.check().catch((error: unknown) => {
        if (!hasCode(error, 'CLOCKS_DIFFER')) this.#needs.log.warn({ error }, 'the time of the database is not known')
      })
    }, lookEvery).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #say(): void {
    const far = Math.abs(this.#aheadMs)
    const state = far >= limits.refuse ? 'refused' : far >= limits.say ? 'differs' : 'agrees'
    if (state === this.#said) return
    this.#said = state
    const fields = { aheadMs: Math.round(this.#aheadMs) }
    if (state === 'agrees') this.#needs.log.info(fields, 'the clock agrees with that of the database again')
    else if (state === 'differs') this.#needs.log.warn(fields, 'the clock differs from that of the database')
    else
      this.#needs.log.error(fields, 'the clock differs from that of the database by minutes; this replica is not ready')
  }
}
