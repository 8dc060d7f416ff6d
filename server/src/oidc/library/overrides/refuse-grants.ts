import { errors } from 'oidc-provider'
import { wireGrant } from '@nauthera/rules/grants'
import { replace } from '../override.ts'
import { currentContext, parameterOf } from '../shapes.ts'
import type { Context, Internals } from '../shapes.ts'

/** Client.grantTypeAllowed: answers unauthorized_client for a forbidden grant (RFC 6749 section 5.2). The library answers invalid_request. */
export function refuseGrants({ Client }: Pick<Internals, 'Client'>): void {
  replace(
    Client.prototype,
    'grantTypeAllowed',
    (original) =>
      function grantTypeAllowed(this: object, grant) {
        if (original.call(this, grant)) return true
        if (grant !== askedGrant(currentContext())) return false
        throw new errors.UnauthorizedClient(`this client may not use the grant ${grant}`)
      },
  )
}

/** The grant that the request itself asks for; the library looks for others too, such as whether to give a refresh token. */
function askedGrant(context: Context): string | undefined {
  if (context.oidc.route === 'token') return parameterOf(context, 'grant_type')
  return context.oidc.route === 'device_authorization' ? wireGrant('device_code') : undefined
}
