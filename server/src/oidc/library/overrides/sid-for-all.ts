import { replace } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.includeSid: every ID token has `sid`, since logout tokens name the session and programs end their sessions by it. */
export function sidForAll({ Client }: Pick<Internals, 'Client'>): void {
  replace(Client.prototype, 'includeSid', () => () => true)
}
