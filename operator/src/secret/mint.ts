import { randomBytes } from 'node:crypto'
import { Secret } from '@nauthera/runtime/secret'
import { identifySecret } from '../decide/secret/secret-id.ts'
import { passed } from './look.ts'
import type { SecretStep } from './look.ts'
import type { Spacing } from './spacing.ts'

/** A step: mints the secret that the plan asks for. Its plain value is in memory only, until it is published. */
export function createMint(needs: { spacing: Pick<Spacing, 'begin'> }): SecretStep {
  return (look) => {
    const { plan, memory, log } = look
    if (plan.step.kind !== 'mint' || look.failure !== undefined || look.missing !== undefined) return passed
    const { obeys, at, dueAt } = plan.step
    const plain = new Secret(randomBytes(32).toString('base64url'))
    const secret = { ...identifySecret(plain), mintedAt: at, obeys }
    memory.pending = { secret, plain }
    if (dueAt !== undefined) needs.spacing.begin({ key: look.key, spacings: look.judgement.spacings })
    log.later({ secret: secret.id }, 'secret minted')
    return { kind: 'changed', known: look }
  }
}

/** A step: drops the pending secret when the plan no longer wants it. Nobody else ever had it. */
export const clearPending: SecretStep = ({ plan, memory }) => {
  if (!plan.keepsPending) memory.pending = undefined
  return passed
}
