// Decides whether a sign-in attempt is allowed, by the counters in PostgreSQL.
import type { AttemptLimits, BegunAttempt } from '../../store/people/attempts.ts'

export const defaultLimits: AttemptLimits = { perAccount: 10, perAddress: 100, windowMs: 900_000, lockMs: 900_000 }

export type LockoutDecision =
  | { readonly kind: 'allowed' }
  /** The account is locked. The page must look the same as for a wrong password. */
  | { readonly kind: 'locked' }
  /** Too many failures from one address: 429. Sessions go on, and no counter of an account changes. */
  | { readonly kind: 'address-locked'; readonly retryAfterSeconds: number }

/** An attempt takes a place before its password is checked, so exactly `limit` parallel attempts are allowed. */
export function decideLockout(attempt: BegunAttempt): LockoutDecision {
  const { keys, waitSeconds } = attempt
  if (keys.addressPlace === undefined) return { kind: 'address-locked', retryAfterSeconds: Math.max(1, waitSeconds) }
  return { kind: keys.accountPlace === undefined ? 'locked' : 'allowed' }
}
