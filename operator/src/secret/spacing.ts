import type { Clock } from '../time/clock.ts'

/** Keeps the least time between two scheduled rotations (`rotation.minSpacing` of a policy), so that clients do not all rotate at once. */
export interface Spacing {
  /** A scheduled rotation has begun. */
  recordRotation(): void
  /** @returns when the next one may begin, epoch milliseconds; undefined when no policy demands a wait */
  notBefore(minSpacingMs: number): number | undefined
}

export function createSpacing(clock: Pick<Clock, 'now'>): Spacing {
  let begunAt = -Infinity
  return {
    recordRotation: () => {
      begunAt = clock.now()
    },
    notBefore: (minSpacingMs) => (minSpacingMs > 0 ? begunAt + minSpacingMs : undefined),
  }
}
