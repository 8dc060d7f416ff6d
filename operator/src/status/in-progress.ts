// What may still get better by itself.
import type { Outcome } from '../decide/status/outcome.ts'

/** @returns whether nothing is wrong and replicas or the Secret are a moment away: a better status is likely to follow */
export function isInProgress({ judgement, noRoom, secret, propagation }: Outcome): boolean {
  if (judgement.serve.kind !== 'desired') return false
  if (noRoom !== undefined || !['ready', 'pending'].includes(secret.kind)) return false
  if (propagation && (propagation.rejected.length > 0 || propagation.unreachable.length > 0)) return false
  return secret.kind === 'pending' || propagation?.accepted !== true
}

/** @returns whether it is live everywhere, and its secret at rest: nothing that a replica says is awaited */
export function isSettled({ propagation, rotation, secret }: Outcome): boolean {
  const isAtRest = secret.kind !== 'pending' && (rotation === undefined || rotation.step.kind === 'rest')
  return propagation?.accepted === true && isAtRest
}
