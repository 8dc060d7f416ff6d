import { replace } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.responseModeAllowed: allows a request without response_type, so that the library reports the missing parameter and not
 *  the mode. */
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
