import { currentRequest, isInRequest } from '../current-request.ts'
import { aliasesOf } from '../mutual-tls.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** OIDCContext.prototype.urlFor: returns the address of the request, also at the alias for mutual TLS, since a DPoP proof names it (RFC
 *  9449 section 4.3). OIDCContext.prototype.clientJwtAuthExpectedAudience: an assertion may name this address or the issuer's. */
export function aliasAddresses({ OIDCContext }: Internals, { settings }: Pick<OverrideNeeds, 'settings'>): void {
  const aliasOf = (route: string | undefined) =>
    isInRequest() && currentRequest().isAtAlias === true ? aliasesOf(settings)[`${route}_endpoint`] : undefined
  const { urlFor } = OIDCContext.prototype
  replace(
    OIDCContext.prototype,
    'urlFor',
    (original) =>
      function urlForHere(this: Internals['OIDCContext']['prototype'], name, options) {
        return (name === this.route ? aliasOf(name) : undefined) ?? original.call(this, name, options)
      },
  )
  replace(
    OIDCContext.prototype,
    'clientJwtAuthExpectedAudience',
    (original) =>
      function expectedHere(this: Internals['OIDCContext']['prototype']) {
        return new Set([...original.call(this), urlFor.call(this, 'token')])
      },
  )
}
