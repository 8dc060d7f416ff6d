/** Refused sign-ins of one replica at most in a minute, where addresses are unknown. */
const mostRefused = 600
const windowMs = 60_000

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
  let begun = -Infinity
  let refused = 0
  const left = () => begun + windowMs - now()
  return {
    wait: () => (refused >= most && left() > 0 ? Math.ceil(left() / 1000) : undefined),
    count() {
      if (left() <= 0) [begun, refused] = [now(), 0]
      refused++
    },
  }
}
