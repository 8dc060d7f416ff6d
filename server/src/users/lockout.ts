// When too many attempts failed. The counters are in PostgreSQL; what they mean is decided here.
import type { AttemptLimits, BegunAttempt } from '../store/attempts.ts'

export const defaultLimits: AttemptLimits = { perAccount: 10, perAddress: 100, windowMs: 900_000, lockMs: 900_000 }

export type LockoutDecision =
  | { readonly kind: 'allowed' }
  /** A locked account: the page must not tell it from a wrong password. */
  | { readonly kind: 'locked' }
  /** Too many failures from one address: 429. Live sessions are not touched, nor the counters of accounts. */
  | { readonly kind: 'address-locked'; readonly retryAfterSeconds: number }

/** Attempts take their place before they are made, so exactly `limit` of parallel ones are allowed. */
export function decideLockout(attempt: BegunAttempt): LockoutDecision {
  const { keys, waitSeconds } = attempt
  if (keys.addressPlace === undefined) return { kind: 'address-locked', retryAfterSeconds: Math.max(1, waitSeconds) }
  return { kind: keys.accountPlace === undefined ? 'locked' : 'allowed' }
}
