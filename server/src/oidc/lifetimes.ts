import type { KeyPolicy } from './keys/states.ts'
import { cookieLine } from './keys/key-set.ts'

/** How long things live, in seconds, where neither client nor settings say otherwise. */
export const lifetimes = {
  code: 60,
  accessToken: 300,
  idToken: 600,
  /** Unused. */
  refreshIdle: 30 * 86_400,
  /** Since the sign-in. */
  refreshAbsolute: 90 * 86_400,
  pushedRequest: 60,
  interaction: 600,
  /** The cookie stays longer, so that an expired page can say where to start again. */
  interactionCookie: 3600,
  sessionIdle: 8 * 3600,
  sessionAbsolute: 24 * 3600,
  /** With "remember me", used or not. */
  sessionRemembered: 30 * 86_400,
  /** Of a session without a person: what a logout page needs to remember. */
  sessionAnonymous: 3600,
} as const

/** The most that a client may ask for, in seconds: keys verify for at least as long. */
export const longest = {
  accessToken: 24 * 3600,
  idToken: 24 * 3600,
  refreshIdle: lifetimes.refreshAbsolute,
  /** From now: the mark of an assertion that was used stays until it expires. */
  assertion: 30 * 86_400,
} as const

/** Clocks of replicas and callers may differ by this much, in seconds. */
export const clockTolerance = 10

const skewMs = 5 * 60_000

/** @param signing milliseconds, from the settings */
export function keyPolicy(signing: { publishBefore: number; rotateEvery: number }): KeyPolicy {
  return {
    ...signing,
    retireFor: (line) =>
      (line === cookieLine ? lifetimes.refreshAbsolute : Math.max(longest.accessToken, longest.idToken)) * 1000 +
      skewMs,
  }
}
