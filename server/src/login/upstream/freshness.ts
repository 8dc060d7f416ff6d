import { freshFor } from '../../oidc/acr.ts'

/** Whether a sign-in at another provider is recent enough, and since when the person is signed in.
 *  `ask-again`: a new sign-in there would be. `unproved`: the provider does not say when, and the client wants to know. */
export type Freshness =
  { readonly kind: 'fresh'; readonly authTime: number } | { readonly kind: 'ask-again' } | { readonly kind: 'unproved' }

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
  // nobody knows how old it is: it must not count as a fresh one for what protects the account
  const unknown = Math.max(endedAt, now - freshFor - 1)
  if (authTime === undefined) return maxAge === undefined ? { kind: 'fresh', authTime: unknown } : { kind: 'unproved' }
  const isOld =
    authTime < endedAt ||
    (anew && authTime + tolerance < sentAt) ||
    (maxAge !== undefined && authTime + maxAge + tolerance < now)
  return isOld ? { kind: 'ask-again' } : { kind: 'fresh', authTime: Math.min(authTime, now) }
}
