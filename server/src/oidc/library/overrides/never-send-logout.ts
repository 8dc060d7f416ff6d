import { replace } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.backchannelLogout: does nothing, since the outbox sends logout tokens. The library would wait for every relying party
 *  in the request. */
export function neverSendLogout({ Client }: Internals): void {
  replace(Client.prototype, 'backchannelLogout', () => async () => undefined)
}
