import { leftOutParameter } from '../../apis/left-out.ts'
import { finishAuthorization } from '../finish-authorization.ts'
import { keepInPayload, replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { currentContext, parameterOf } from '../shapes.ts'
import type { Artefact, Internals } from '../shapes.ts'

/** AuthorizationCode.prototype.save: stores the whole authorization when its code is issued. The code also holds the left-out scopes. */
export function finishCodes(
  { AuthorizationCode }: Internals,
  needs: Pick<OverrideNeeds, 'store' | 'clients' | 'scope' | 'now'>,
): void {
  keepInPayload(AuthorizationCode, [...AuthorizationCode.IN_PAYLOAD, 'leftOut'])
  replace(
    AuthorizationCode.prototype,
    'save',
    (original) =>
      async function save(this: Artefact) {
        await finishAuthorization(currentContext(), this, needs)
        Object.assign(this, { leftOut: parameterOf(currentContext(), leftOutParameter) })
        return original.call(this)
      },
  )
}
