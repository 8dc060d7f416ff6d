export interface Backoff {
  /** @returns the next wait in milliseconds: longer each time until reset */
  next(): number
  reset(): void
}

/** Waits that double from `baseMs` to `capMs`, each with up to a quarter of jitter on top, so that
 *  many clients of one server do not all come back at the same moment. */
export function createBackoff(needs: { baseMs: number; capMs: number; random: () => number }): Backoff {
  let step = needs.baseMs
  return {
    next: () => {
      const wait = step
      step = Math.min(needs.capMs, step * 2)
      return wait * (1 + needs.random() * 0.25)
    },
    reset: () => {
      step = needs.baseMs
    },
  }
}
