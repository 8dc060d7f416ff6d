// Whether a client's status is unfinished or settled.
import type { Outcome } from '../decide/status/outcome.ts'

/** @returns whether nothing is wrong and only replicas or the Secret are missing: a better status follows soon */
export function isInProgress({ judgement, noRoom, secret, propagation }: Outcome): boolean {
  if (judgement.serve.kind !== 'desired') return false
  if (noRoom !== undefined || !['ready', 'pending', 'listed', 'elsewhere'].includes(secret.kind)) return false
  if (propagation && (propagation.rejected.length > 0 || propagation.unreachable.length > 0)) return false
  return secret.kind === 'pending' || propagation?.accepted !== true
}

/** @returns whether it is live everywhere and its secret does not rotate: it waits for no replica */
export function isSettled({ propagation, rotation, secret }: Outcome): boolean {
  const isAtRest =
    secret.kind !== 'pending' && secret.kind !== 'restored' && (rotation === undefined || rotation.step.kind === 'rest')
  return propagation?.accepted === true && isAtRest
}
