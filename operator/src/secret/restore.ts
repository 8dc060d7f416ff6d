import type { SecretStep } from './look.ts'
import type { WriteSecret } from './write.ts'

/** The last step: writes the Secret where it is not what it should be. The Secret was edited or deleted, the client was edited, it has
 *  another name now, or it holds only endpoints and is written for the first time. The secret in it stays the published one. */
export function createRestore(write: WriteSecret): SecretStep {
  return async (look) => await write(look)
}
