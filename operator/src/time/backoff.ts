export interface Backoff {
  /** @returns the next wait in milliseconds: longer each time until reset */
  next(): number
  reset(): void
}

/** Waits that double from `baseMs` to `capMs`, each with up to a quarter of jitter on top, so that a
 *  fleet that lost the same server does not come back at one instant. */
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
