import { replace } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.includeSid: ID tokens have `sid` for every client, not for those alone that cannot do without it. A logout token always names
 *  the session, and programs revoke their own sessions by it. */
export function sidForAll({ Client }: Pick<Internals, 'Client'>): void {
  replace(Client.prototype, 'includeSid', () => () => true)
}
