import { passed } from './look.ts'
import type { SecretStep } from './look.ts'
import type { WriteSecret } from './write.ts'

/** A step: every replica accepts the new secret, so it is written into the application's Secret. After that only that Secret has the plain
 *  value. */
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
