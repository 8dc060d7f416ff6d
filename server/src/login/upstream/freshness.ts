import { freshFor } from '../../oidc/acr.ts'

/** Whether a sign-in at another provider is recent enough, and since when the person is signed in.
 *  `ask-again`: it is too old, so the person has to sign in there again. `unproved`: the request needs the time, and the provider does not
 *  say it. `too-soon`: all sessions of the person were ended a moment ago, and the provider does not say when they signed in: for
 *  `waitSeconds` an old sign-in there cannot be told from a new one. */
export type Freshness =
  | { readonly kind: 'fresh'; readonly authTime: number }
  | { readonly kind: 'ask-again' }
  | { readonly kind: 'unproved' }
  | { readonly kind: 'too-soon'; readonly waitSeconds: number }

/** Seconds that clocks may differ. */
const tolerance = 30

/** All times in epoch seconds but `validAfter`.
 *  Source: OpenID Connect Core 3.1.2.1 (`max_age`, `prompt`), 2 (`auth_time`). */
export function isFresh(asked: {
  /** `auth_time` of the provider. */
  authTime: number | undefined
  now: number
  /** When the browser was sent there. */
  sentAt: number
  /** The request made the person sign in again. */
  anew: boolean
  /** Seconds. */
  maxAge: number | undefined
  /** When all sessions of the account were ended: a sign-in before that is no longer valid. */
  validAfter: Date | undefined
}): Freshness {
  const { authTime, now, sentAt, anew, maxAge, validAfter } = asked
  const endedAt = Math.floor((validAfter?.getTime() ?? 0) / 1000)
  if (authTime === undefined) {
    if (maxAge !== undefined) return { kind: 'unproved' }
    // its age is unknown: it must not open what needs a fresh sign-in
    const unknown = now - freshFor - 1
    return unknown < endedAt
      ? { kind: 'too-soon', waitSeconds: endedAt - unknown }
      : { kind: 'fresh', authTime: unknown }
  }
  const isOld =
    authTime < endedAt ||
    (anew && authTime + tolerance < sentAt) ||
    (maxAge !== undefined && authTime + maxAge + tolerance < now)
  return isOld ? { kind: 'ask-again' } : { kind: 'fresh', authTime: Math.min(authTime, now) }
}
