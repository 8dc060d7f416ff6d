import { passed } from './look.ts'
import type { SecretStep } from './look.ts'
import type { WriteSecret } from './write.ts'

/** A step: writes a fence into the Secret before an unpublished verifier is dropped. A former leader that still holds that secret then
 *  gets a conflict when it publishes. The value stays. */
export function createFence(write: WriteSecret): SecretStep {
  return async (look) => (look.plan.step.kind === 'fence' ? await write(look) : passed)
}
