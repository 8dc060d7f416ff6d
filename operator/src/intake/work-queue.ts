import type { Clock } from '../time/clock.ts'
import { FairKeys } from './fair-keys.ts'
import type { LookCause } from './fair-keys.ts'

/** A work queue of keys `namespace/name`, as the rate-limiting queue of client-go. Namespaces take turns, so a namespace with many changes
 *  delays only itself; within one, changes go before follow-ups. A key is in the queue once, and never worked on twice at once. A key that
 *  is added during its work is worked on again. */
export interface WorkQueue {
  /** Starts the workers; keys wait until then.
   *  @param work its exception is a failed attempt: the key comes back after a wait that doubles */
  start(work: (key: string) => Promise<void>): void
  /** @param cause why it is to be worked on; default: a change */
  add(key: string, cause?: LookCause): void
  /** A follow-up after this time. */
  addAfter(key: string, milliseconds: number): void
  /** Resets the back-off of the key: it now names a new object. */
  clearFailures(key: string): void
  /** Keys that wait or are being worked on. */
  readonly depth: number
  /** Resolves when nothing waits or runs; delayed keys do not count. */
  waitUntilIdle(): Promise<void>
  /** Takes no new keys; resolves when the running ones have ended. */
  stop(): Promise<void>
}

export interface QueueTimes {
  readonly backoffMs: number
  readonly backoffCapMs: number
}

const queueTimes: QueueTimes = { backoffMs: 5, backoffCapMs: 60_000 }

/** @param options.waitFor how long the error itself tells us to wait, milliseconds */
export function createWorkQueue(options: {
  workers: number
  clock: Clock
  times?: QueueTimes
  waitFor?: (error: unknown) => number
  onFailed: (key: string, error: unknown, retryInMs: number) => void
}): WorkQueue {
  const { clock } = options
  const times = options.times ?? queueTimes
  const waiting = new FairKeys()
  const running = new Set<string>()
  const again = createAgain()
  const failures = createFailures(times)
  const delayed = createDelayed(clock)
  let idleWaiters: (() => void)[] = []
  let work: Parameters<WorkQueue['start']>[0] | undefined
  let stopped = false

  const add = (key: string, cause: LookCause = 'change') => {
    if (stopped) return
    if (!running.has(key)) waiting.add(key, cause)
    else again.put(key, cause)
    dispatch()
  }

  const addAfter = (key: string, milliseconds: number) => {
    if (!stopped) delayed.put(key, milliseconds, () => add(key, 'follow-up'))
  }

  const dispatch = () => {
    if (!work) return
    while (!stopped && running.size < options.workers) {
      const key = waiting.next()
      if (key === undefined) return
      running.add(key)
      void runOne(key, work)
    }
  }

  const runOne = async (key: string, work: (key: string) => Promise<void>) => {
    try {
      await work(key)
      failures.forget(key)
    } catch (error) {
      const retryInMs = Math.max(failures.count(key), options.waitFor?.(error) ?? 0)
      options.onFailed(key, error, retryInMs)
      addAfter(key, retryInMs)
    }
    running.delete(key)
    again.take(key, (cause) => waiting.add(key, cause))
    dispatch()
    if (isIdle()) {
      for (const resolve of idleWaiters) resolve()
      idleWaiters = []
    }
  }

  const isIdle = () => running.size === 0 && (stopped || waiting.size === 0)
  const idle = (): Promise<void> => (isIdle() ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve)))

  return {
    start: (given) => {
      work = given
      dispatch()
    },
    add,
    addAfter,
    clearFailures: failures.forget,
    get depth() {
      return waiting.size + running.size
    },
    waitUntilIdle: idle,
    stop: async () => {
      stopped = true
      delayed.clear()
      await idle()
    },
  }
}

/** Keys that were added during their work. A change counts over a follow-up. */
function createAgain() {
  const causes = new Map<string, LookCause>()
  return {
    put: (key: string, cause: LookCause): void => {
      if (causes.get(key) !== 'change') causes.set(key, cause)
    },
    take: (key: string, then: (cause: LookCause) => void): void => {
      const cause = causes.get(key)
      causes.delete(key)
      if (cause !== undefined) then(cause)
    },
  }
}

/** How often each key has failed since it last succeeded. */
function createFailures({ backoffMs, backoffCapMs }: QueueTimes) {
  const counts = new Map<string, number>()
  return {
    /** @returns how long it waits, milliseconds */
    count(key: string): number {
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      return Math.min(backoffCapMs, backoffMs * 2 ** Math.min(count - 1, 40))
    },
    forget: (key: string): void => void counts.delete(key),
  }
}

/** Delayed keys: each once, at its earliest time. */
function createDelayed(clock: Clock) {
  const delayed = new Map<string, { at: number; cancel: () => void }>()
  return {
    put(key: string, milliseconds: number, then: () => void): void {
      const at = clock.monotonic() + milliseconds
      const earlier = delayed.get(key)
      if (earlier && earlier.at <= at) return
      earlier?.cancel()
      const cancel = clock.after(milliseconds, () => {
        delayed.delete(key)
        then()
      })
      delayed.set(key, { at, cancel })
    },
    clear(): void {
      for (const { cancel } of delayed.values()) cancel()
      delayed.clear()
    },
  }
}
