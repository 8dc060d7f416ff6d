import type { SecretStep } from './look.ts'
import type { WriteSecret } from './write.ts'

/** The last step: writes the Secret when it differs from the plan, such as after an edit, a deletion or a new name. It holds the published
 *  secret as before. */
export function createRestore(write: WriteSecret): SecretStep {
  return async (look) => await write(look)
}
