import { currentRequest } from '../current-request.ts'
import { replace } from '../override.ts'
import { currentContext, setParameter } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** Client.prototype.postLogoutRedirectUriAllowed: nobody is led to an address that is not registered, and a sign-out with one is a sign-out all the same.
 *  The library would refuse it, and leave the person signed in on an error page. */
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
