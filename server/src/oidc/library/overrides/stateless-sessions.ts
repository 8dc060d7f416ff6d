import { lifetimes } from '../../lifetimes.ts'
import { sidOf } from '../../session-cookie.ts'
import { currentRequest } from '../current-request.ts'
import { keepInPayload, replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Internals, Session } from '../shapes.ts'

/** Session: lists the properties in the cookie. `authorizations` (sid and grant by client) is left out, since two tabs would overwrite it.
 *  So sid is derived, and the grant belongs to the request. */
export function statelessSessions({ Session }: Internals, { keys, now }: Pick<OverrideNeeds, 'keys' | 'now'>): void {
  const kept = Session.IN_PAYLOAD.filter((name) => name !== 'authorizations')
  keepInPayload(Session, [...kept, 'sidKey', 'until', 'version'])
  const grants = new WeakMap<object, string>()
  replace(Session.prototype, 'authorizationFor', () => () => ({}))
  replace(Session.prototype, 'ensureClientContainer', () => () => undefined)
  replace(
    Session.prototype,
    'sidFor',
    () =>
      function sidFor(this: Session, clientId) {
        return sidOf(keys.cookies, this, clientId)
      },
  )
  replace(Session.prototype, 'grantIdFor', () => (_clientId, value) => {
    if (value !== undefined) grants.set(currentRequest(), value)
    return grants.get(currentRequest())
  })
  replace(
    Session.prototype,
    'loginAccount',
    (original) =>
      function loginAccount(this: Session, details) {
        const { loginTs, until, amr, version = 1 } = this
        original.call(this, details)
        this.sidKey ??= keys.cookies.current('sid').kid
        // cookies from before the second factor are refused from now on
        this.version = details.amr?.includes('mfa') && !amr?.includes('mfa') ? version + 1 : version
        // a second factor in a session that goes on does not make it longer
        if (loginTs === this.loginTs && until !== undefined) return
        const seconds = Math.floor(now() / 1000)
        this.until = seconds + (details.transient === true ? lifetimes.sessionAbsolute : lifetimes.sessionRemembered)
      },
  )
}
