import { freshFor } from '../../oidc/acr.ts'

/** Whether a sign-in at another provider is recent enough, and since when the person is signed in.
 *  `ask-again`: a new sign-in there would be. `unproved`: the provider does not say when, and somebody wants to know. `too-soon`: all
 *  sessions were ended a moment ago, and the provider does not say when: until `waitSeconds` are over, every time that could be told would be
 *  that of a fresh sign-in. */
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
  /** The person had to sign in anew. */
  anew: boolean
  /** Seconds. */
  maxAge: number | undefined
  /** All sessions of the account were ended then: a sign-in before it is over. */
  validAfter: Date | undefined
}): Freshness {
  const { authTime, now, sentAt, anew, maxAge, validAfter } = asked
  const endedAt = Math.floor((validAfter?.getTime() ?? 0) / 1000)
  if (authTime === undefined) {
    if (maxAge !== undefined) return { kind: 'unproved' }
    // nobody knows how old it is: it must not count as a fresh one for what protects the account
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
