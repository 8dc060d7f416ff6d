import { passed } from './look.ts'
import type { SecretStep } from './look.ts'
import type { WriteSecret } from './write.ts'

/** A step: every replica accepts the new secret, so the application may have it. From here on its plain value is in the
 *  application's Secret alone. */
export function createPublish(write: WriteSecret): SecretStep {
  return async (look) => {
    if (look.plan.step.kind !== 'publish') return passed
    const outcome = await write(look)
    if (outcome.isWritten) {
      look.memory.pending = undefined
      look.log.later({ secret: look.plan.secret?.secretId }, 'secret published')
    }
    return outcome
  }
}
