import { setCookie } from '../../cookies.ts'
import { audited } from '../audited.ts'
import { currentRequest, fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Internals, Session } from '../shapes.ts'

/** Seconds. */
const tellFor = 300

/** Session.prototype.destroy (the last step of a logout): ends the session in the database, and every grant of the
 *  session that has no offline_access. */
export function endSessions({ Session }: Internals, { store, scope }: Pick<OverrideNeeds, 'store' | 'scope'>): void {
  replace(
    Session.prototype,
    'destroy',
    (original) =>
      async function destroy(this: Session) {
        const { uid, accountId } = this
        if (accountId !== undefined) {
          const event = audited({ event: 'session.ended', outcome: 'success' }, { accountId })
          await fromStore(() => store.devices.endSession(uid, [event]))
          // the next page says what has ended, and is another request
          const { response } = currentRequest()
          setCookie(response, scope, { ...scope.ended, value: uid, maxAge: tellFor })
        }
        return original.call(this)
      },
  )
}
