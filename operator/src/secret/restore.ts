import type { Step } from './look.ts'
import type { WriteSecret } from './write.ts'

/** The last step: the Secret is not what it should be. It was edited or deleted, the client was, it has another name now, or
 *  there has been none yet because only endpoints belong into it. The secret in it stays the published one. */
export function createRestore(write: WriteSecret): Step {
  return async (look) => await write(look)
}
