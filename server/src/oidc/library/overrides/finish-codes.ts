import { finishAuthorization } from '../finish-authorization.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext } from '../shapes.ts'
import type { Artefact, Internals } from '../shapes.ts'

/** AuthorizationCode.prototype.save: everything about an authorization is stored when its code is issued, and not
 *  earlier. */
export function finishCodes(
  { AuthorizationCode }: Internals,
  needs: Pick<OverrideNeeds, 'store' | 'clients' | 'keys' | 'scope' | 'now'>,
): void {
  replace(
    AuthorizationCode.prototype,
    'save',
    (original) =>
      async function save(this: Artefact) {
        await finishAuthorization(currentContext(), this, needs)
        return original.call(this)
      },
  )
}
