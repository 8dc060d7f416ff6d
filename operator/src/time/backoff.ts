export interface Backoff {
  /** @returns the next wait in milliseconds: longer each time until reset. @param leastMs that the other side asked for */
  next(leastMs?: number): number
  reset(): void
}

/** Waits that double from `baseMs` to `capMs`, each with up to a quarter of jitter on top, so that
 *  many clients of one server do not all come back at the same moment. */
export function createBackoff(needs: { baseMs: number; capMs: number; random: () => number }): Backoff {
  let step = needs.baseMs
  return {
    next: (leastMs = 0) => {
      const wait = step
      step = Math.min(needs.capMs, step * 2)
      return Math.max(leastMs, wait * (1 + needs.random() * 0.25))
    },
    reset: () => {
      step = needs.baseMs
    },
  }
}
