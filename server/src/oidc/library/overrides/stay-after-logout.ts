import { currentRequest } from '../current-request.ts'
import { replace } from '../override.ts'
import { currentContext, setParameter } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.postLogoutRedirectUriAllowed: a sign-out with an unregistered address signs out without a redirect. The library would
 *  show an error and leave the person signed in. */
export function stayAfterLogout({ Client }: Pick<Internals, 'Client'>): void {
  replace(
    Client.prototype,
    'postLogoutRedirectUriAllowed',
    (original) =>
      function mayLeadTo(this: Internals['Client']['prototype'], uri) {
        if (original.call(this, uri)) return true
        const context = currentContext()
        if (context.oidc.route !== 'end_session') return false
        currentRequest().unlistedReturn = uri
        setParameter(context, 'post_logout_redirect_uri', undefined)
        return true
      },
  )
}
