// Tries what waits in the outbox, on every replica, until it is done or too old. It knows nothing of mails: each kind of work has a try of
// its own.
import { hasCode } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../../metrics.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { Claimed, Outbox } from './outbox.ts'
import type { WorkKind } from './outbox-rows.ts'

/** One try. Whatever it throws counts as `later`: only its own word gives work up before its time. A row that does not open may do so with another
 *  ring, and one of another form is of another release. */
export type Try = (work: Claimed) => Promise<TryOutcome>

export type TryOutcome =
  | { readonly kind: 'done' }
  /** It may work at another time. */
  | { readonly kind: 'later'; readonly reason: string }
  /** Nothing was tried: others go first. It counts as no try. */
  | { readonly kind: 'put-off'; readonly reason: string; readonly delayMs: number }
  /** It will never work. */
  | { readonly kind: 'never'; readonly reason: string }

export interface OutboxRunner {
  /** Begins to look for work; once it goes on, it does nothing more. */
  start(): void
  /** Takes no more work, and waits for what is being tried. */
  stop(): Promise<void>
}

/** Milliseconds. The lease is longer than any try may take; a row whose replica died is free after it. */
export const outboxTimes = {
  pollMs: 1000,
  leaseMs: 60_000,
  tryMs: 45_000,
  firstDelayMs: 30_000,
  longestDelayMs: 3_600_000,
  stopMs: 5000,
}
/** How many are tried at once. */
const usualWidth = 5

/** @param random 0 to 1
 *  @returns the wait before the next try in milliseconds: twice the one before, with a tenth of chance, so that replicas do not meet,
 *  and a last try before the end; undefined when there is no time for another one */
export function delayBefore(
  work: Pick<Claimed, 'tries' | 'left'>,
  random: number,
  times = outboxTimes,
): number | undefined {
  const left = work.left() - times.firstDelayMs / 2
  if (left <= 0) return undefined
  const delay = Math.min(times.firstDelayMs * 2 ** Math.min(work.tries - 1, 20), times.longestDelayMs)
  return Math.round(Math.min(delay * (0.9 + 0.2 * random), left))
}

export type CountTry = (kind: string, outcome: 'done' | 'later' | 'put_off' | 'given_up') => void

/** One counter for every runner of a process. */
export function countTries(metrics: Metrics): CountTry {
  const counter = metrics.counter(serverMetrics.outboxTries)
  return (kind, outcome) => counter.inc({ kind, outcome })
}

interface Needs {
  readonly outbox: Outbox
  /** The runner takes work of these kinds. */
  readonly tries: Readonly<Partial<Record<WorkKind, Try>>>
  readonly log: Log
  readonly count?: CountTry | undefined
  /** Default: always. */
  readonly mayTake?: () => boolean
  /** What the audit log says of work that is given up. Default: `outbox.given_up`. */
  readonly givenUp?: (work: Claimed, reason: string) => AuditEvent
  readonly width?: number
  /** Only work that was queued so long ago is taken. Milliseconds; default: 0. */
  readonly minAgeMs?: number
  readonly times?: typeof outboxTimes
}

export const createOutboxRunner = (needs: Needs): OutboxRunner => new Runner(needs)

class Runner implements OutboxRunner {
  readonly #needs: Needs
  readonly #times: typeof outboxTimes
  readonly #running = new Set<Promise<void>>()
  readonly #tries: ReadonlyMap<string, Try>
  readonly #width: number
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #stopped = false
  /** The last look took all that it could: more may wait. */
  #full = false
  #quietUntil = -Infinity

  constructor(needs: Needs) {
    this.#needs = needs
    this.#times = needs.times ?? outboxTimes
    this.#tries = new Map(Object.entries(needs.tries))
    this.#width = needs.width ?? usualWidth
  }

  start(): void {
    if (this.#timer === undefined && !this.#stopped) this.#lookIn(0)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#looking
    let giveUp: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => (giveUp = setTimeout(resolve, this.#times.stopMs)))
    await Promise.race([Promise.all(this.#running), patience])
    clearTimeout(giveUp)
  }

  #lookIn(milliseconds: number): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    }, milliseconds)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    const free = this.#needs.mayTake?.() === false ? 0 : this.#width - this.#running.size
    let taken = 0
    try {
      const { outbox, minAgeMs } = this.#needs
      const kinds = [...this.#tries.keys()]
      const claimed = free > 0 ? await outbox.claim(kinds, free, this.#times.leaseMs, minAgeMs) : []
      taken = claimed.length
      for (const work of claimed) this.#begin(work)
    } catch (error) {
      this.#warn({ error }, 'the outbox cannot be read; trying again')
    }
    this.#full = taken === free
    this.#lookIn(this.#times.pollMs)
  }

  #begin(work: Claimed): void {
    const running: Promise<void> = this.#work(work)
      .catch((error: unknown) =>
        this.#warn({ kind: work.kind, id: work.id, error }, 'work of the outbox was not settled'),
      )
      .finally(() => {
        this.#running.delete(running)
        if (this.#full && this.#running.size <= this.#width / 2) this.#lookIn(0)
      })
    this.#running.add(running)
  }

  async #work(work: Claimed): Promise<void> {
    // its replica died during the last try that there was time for, or nobody did such work for long
    if (work.left() <= 0) return this.#giveUp(work, 'too old')
    const outcome = await this.#try(work)
    switch (outcome.kind) {
      case 'done':
        await this.#settle(() => this.#needs.outbox.finish(work))
        return this.#needs.count?.(work.kind, 'done')
      case 'later': {
        const delay = delayBefore(work, Math.random(), this.#times)
        if (delay === undefined) return this.#giveUp(work, outcome.reason)
        this.#warn({ kind: work.kind, id: work.id, tries: work.tries, reason: outcome.reason }, 'trying again later')
        await this.#settle(() => this.#needs.outbox.retry(work, delay))
        return this.#needs.count?.(work.kind, 'later')
      }
      case 'put-off':
        return this.#putOff(work, outcome)
      case 'never':
        return this.#giveUp(work, outcome.reason)
    }
  }

  async #putOff(work: Claimed, { reason, delayMs }: { reason: string; delayMs: number }): Promise<void> {
    const left = work.left()
    if (left <= 0) return this.#giveUp(work, reason)
    await this.#settle(() => this.#needs.outbox.postpone(work, Math.min(delayMs, left)))
    // slow work keeps its own places, so these are free for other work at once
    if (this.#full) this.#lookIn(0)
    this.#needs.count?.(work.kind, 'put_off')
  }

  async #try(work: Claimed): Promise<TryOutcome> {
    const attempt = this.#tries.get(work.kind)!
    let timer: NodeJS.Timeout | undefined
    const overdue = new Promise<TryOutcome>((resolve) => {
      timer = setTimeout(() => resolve({ kind: 'later', reason: 'no answer in time' }), this.#times.tryMs)
    })
    try {
      return await Promise.race([attempt(work), overdue])
    } catch (error) {
      return { kind: 'later', reason: describeError(error) }
    } finally {
      clearTimeout(timer)
    }
  }

  async #giveUp(work: Claimed, reason: string): Promise<void> {
    const { id, kind, tries } = work
    this.#needs.log.error({ kind, id, tries, reason }, 'not delivered, and not tried again')
    const event = this.#eventOf(work, reason)
    await this.#settle(() => this.#needs.outbox.abandon(work, [event]))
    this.#needs.count?.(kind, 'given_up')
  }

  #eventOf(work: Claimed, reason: string): AuditEvent {
    try {
      return (this.#needs.givenUp ?? usualEvent)(work, reason)
    } catch {
      // what it is about cannot be read
      return usualEvent(work, reason)
    }
  }

  /** What was done must be marked, else it is done again: the mark is repeated for as long as the row is ours. */
  async #settle(mark: () => Promise<void>): Promise<void> {
    const until = performance.now() + this.#times.leaseMs - this.#times.tryMs
    for (;;) {
      try {
        return await mark()
      } catch (error) {
        if (!hasCode(error, 'STORE_UNAVAILABLE') || this.#stopped || performance.now() > until) throw error
        await new Promise((resolve) => setTimeout(resolve, this.#times.pollMs))
      }
    }
  }

  /** Once in 10 s, not for each row. */
  #warn(fields: Record<string, unknown>, message: string): void {
    if (performance.now() < this.#quietUntil) return
    this.#quietUntil = performance.now() + 10_000
    this.#needs.log.warn(fields, message)
  }
}

const usualEvent = ({ id, kind, tries }: Claimed, reason: string): AuditEvent => ({
  event: 'outbox.given_up',
  outcome: 'failure',
  reason,
  detail: { kind, id, tries },
})
