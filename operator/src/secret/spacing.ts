import type { Clock } from '../time/clock.ts'

/** Scheduled rotations of one operator keep the distance that a policy demands (`rotation.minSpacing`), so that a fleet does
 *  not rotate at one instant. */
export interface Spacing {
  /** A scheduled rotation has begun. */
  begun(): void
  /** @returns when the next one may begin, epoch milliseconds; undefined when no policy says so */
  notBefore(minSpacingMs: number): number | undefined
}

export function createSpacing(clock: Pick<Clock, 'now'>): Spacing {
  let begunAt = -Infinity
  return {
    begun: () => {
      begunAt = clock.now()
    },
    notBefore: (minSpacingMs) => (minSpacingMs > 0 ? begunAt + minSpacingMs : undefined),
  }
}
