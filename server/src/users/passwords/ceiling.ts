import { createMinuteCounts } from '../../minute-counts.ts'

/** Refused sign-ins of one replica at most in a minute, where addresses are unknown. */
const mostRefused = 600
const everybody = '?'

/** Limits refused sign-ins of one replica when client addresses are unknown. The limit ends with the minute, so a flood delays people and
 *  locks nobody out. */
export interface Ceiling {
  /** @returns how long to wait, in seconds; undefined while there is room */
  wait(): number | undefined
  /** A sign-in was refused. */
  count(): void
}

/** @param needs.now milliseconds, monotonic */
export function createCeiling(needs: { now: () => number; most?: number }): Ceiling {
  const { now, most = mostRefused } = needs
  const refused = createMinuteCounts(now)
  return {
    wait: () => (refused.countOf(everybody) >= most ? refused.secondsLeft(everybody) : undefined),
    count: () => refused.add(everybody),
  }
}
