import { replace } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.responseModeAllowed: a request without response_type has no mode either. The library would blame the mode; a step later it says what
 *  is missing. */
export function missingResponseType({ Client }: Pick<Internals, 'Client'>): void {
  replace(
    Client.prototype,
    'responseModeAllowed',
    (original) =>
      function responseModeAllowed(this: Internals['Client']['prototype'], mode, type, profile) {
        return type === undefined || original.call(this, mode, type, profile)
      },
  )
}
