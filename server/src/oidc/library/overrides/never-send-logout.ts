import { replace } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.backchannelLogout: does nothing. The library would wait for every relying party inside the
 *  request. */
export function neverSendLogout({ Client }: Internals): void {
  replace(Client.prototype, 'backchannelLogout', () => async () => undefined)
}
