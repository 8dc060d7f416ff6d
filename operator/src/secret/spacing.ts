import type { Clock } from '../time/clock.ts'

/** Keeps the time between two scheduled rotations that a policy demands (`rotation.minSpacing`), so that many clients do not
 *  rotate at the same moment. */
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
