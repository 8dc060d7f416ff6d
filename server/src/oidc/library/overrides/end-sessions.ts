import { audited } from '../audited.ts'
import { fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Internals, Session } from '../shapes.ts'

/** Session.prototype.destroy (the last step of a logout): ends the session in the database, and every grant of the
 *  session that has no offline_access. */
export function endSessions({ Session }: Internals, { store }: Pick<OverrideNeeds, 'store'>): void {
  replace(
    Session.prototype,
    'destroy',
    (original) =>
      async function destroy(this: Session) {
        const { uid, accountId } = this
        if (accountId !== undefined) {
          await fromStore(async () => {
            await store.devices.endSession(uid, [
              audited({ event: 'session.ended', outcome: 'success' }, { accountId }),
            ])
            await store.grants.revokeOfSession(uid, { keepOffline: true })
          })
        }
        return original.call(this)
      },
  )
}
