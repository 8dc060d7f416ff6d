import { replace } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.includeSid: ID tokens have `sid` for every client that is told when a session ends, not for those alone that cannot do
 *  without it: a logout token always names the session, so that an application ends that one and not all of the person's. */
export function sidForLogout({ Client }: Pick<Internals, 'Client'>): void {
  replace(
    Client.prototype,
    'includeSid',
    () =>
      function includeSid(this: { readonly backchannelLogoutUri?: string }) {
        return this.backchannelLogoutUri !== undefined
      },
  )
}
