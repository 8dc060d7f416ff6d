// When too many attempts failed. The counters are in PostgreSQL; what they mean is decided here.
import type { AttemptCount, AttemptLimits } from '../store/attempts.ts'

export const defaultLimits: AttemptLimits = { perAccount: 10, perAddress: 100, windowMs: 900_000, lockMs: 900_000 }

export type LockoutDecision =
  | { readonly kind: 'allowed' }
  /** A locked account: the page must not tell it from a wrong password. */
  | { readonly kind: 'locked' }
  /** Too many failures from one address: 429. Live sessions are not touched, nor the counters of accounts. */
  | { readonly kind: 'address-locked'; readonly retryAfterSeconds: number }

/** Attempts are counted before they are made, so exactly `limit` of parallel ones are allowed. */
export function decideLockout(count: AttemptCount, limits: AttemptLimits): LockoutDecision {
  if (count.account === undefined) {
    return { kind: 'address-locked', retryAfterSeconds: Math.max(1, count.address.waitSeconds) }
  }
  return { kind: count.account.count > limits.perAccount ? 'locked' : 'allowed' }
}
