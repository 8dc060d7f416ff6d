// Time that stands still until a test moves it.
import type { Clock } from '@nauthera/operator/time/clock'

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** Time that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves on, calling back everything that falls due, in order. */
  advance(milliseconds: number): void
  /** Milliseconds until the next callback; undefined when none is waiting. */
  next(): number | undefined
  /** Callbacks that wait. */
  readonly pending: number
}

export function createManualClock(start = Date.parse('2026-01-01T00:00:00Z')): ManualClock {
  const timers = new Set<Timer>()
  let elapsed = 0
  const earliest = (): Timer | undefined => [...timers].sort((one, other) => one.at - other.at)[0]
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    after: (milliseconds, callback) => {
      const timer = { at: elapsed + Math.max(0, milliseconds), callback }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    advance: (milliseconds) => {
      const until = elapsed + milliseconds
      for (let timer = earliest(); timer && timer.at <= until; timer = earliest()) {
        elapsed = Math.max(elapsed, timer.at)
        timers.delete(timer)
        timer.callback()
      }
      elapsed = until
    },
    next: () => {
      const timer = earliest()
      return timer && timer.at - elapsed
    },
    get pending() {
      return timers.size
    },
  }
}

/** Real time that can also leap forward, so that minutes of waiting pass at once while real requests go on. */
export interface LeapClock extends Clock {
  leap(milliseconds: number): void
  /** Callbacks that wait. */
  pending(): number
  /** Stops all callbacks, as when the process that uses this clock is killed. */
  kill(): void
}

export function createLeapClock(): LeapClock {
  const timers = new Map<Timer, NodeJS.Timeout>()
  let leapt = 0
  let dead = false
  const monotonic = () => performance.now() + leapt
  const arm = (timer: Timer) => {
    const handle = setTimeout(
      () => {
        timers.delete(timer)
        timer.callback()
      },
      Math.max(0, timer.at - monotonic()),
    )
    timers.set(timer, handle)
  }
  return {
    now: () => Date.now() + leapt,
    monotonic,
    after: (milliseconds, callback) => {
      if (dead) return () => {}
      const timer = { at: monotonic() + milliseconds, callback }
      arm(timer)
      return () => {
        clearTimeout(timers.get(timer))
        timers.delete(timer)
      }
    },
    leap: (milliseconds) => {
      leapt += milliseconds
      for (const [timer, handle] of [...timers].sort(([one], [other]) => one.at - other.at)) {
        clearTimeout(handle)
        arm(timer)
      }
    },
    pending: () => timers.size,
    kill: () => {
      dead = true
      for (const handle of timers.values()) clearTimeout(handle)
      timers.clear()
    },
  }
}
