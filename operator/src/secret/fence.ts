import { passed } from './look.ts'
import type { SecretStep } from './look.ts'
import type { WriteSecret } from './write.ts'

/** A step: before an unpublished verifier is dropped, the Secret is written with a fence in its annotations, so that an earlier
 *  leader that still has that secret in memory gets a conflict when it tries to publish. The value stays as it is. */
export function createFence(write: WriteSecret): SecretStep {
  return async (look) => (look.plan.step.kind === 'fence' ? await write(look) : passed)
}
