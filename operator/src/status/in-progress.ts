import type { Outcome } from '../decide/outcome.ts'

/** @returns whether nothing is wrong and replicas or the Secret are a moment away: a better status is likely to follow */
export function isInProgress({ judgement, shardFull, secret, propagation }: Outcome): boolean {
  if (judgement.serve.kind !== 'desired') return false
  if (shardFull || !['ready', 'pending'].includes(secret.kind)) return false
  if (propagation && (propagation.rejected.length > 0 || propagation.unreachable.length > 0)) return false
  return secret.kind === 'pending' || propagation?.accepted !== true
}
