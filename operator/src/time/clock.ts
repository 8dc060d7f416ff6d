/** The clock of the operator; tests inject their own. */
export interface Clock {
  /** Wall clock, epoch milliseconds: only for times that people or certificates see. */
  now(): number
  /** Milliseconds of a clock that never jumps: for every wait and expiry. */
  monotonic(): number
  /** Calls back once. @returns how to cancel */
  after(milliseconds: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds)
    return () => clearTimeout(timer)
  },
}

/** Waits, or ends early (without an error) when the signal aborts. */
export function pause(clock: Pick<Clock, 'after'>, milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(milliseconds, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}
