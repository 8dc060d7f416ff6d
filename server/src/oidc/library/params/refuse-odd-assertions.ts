import { errors } from 'oidc-provider'
import { readClaims } from '../../authentication/platform-token.ts'
import type { ParamsWatcher } from './params-watcher.ts'

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const compactJwt = /^[\w-]+\.[\w-]+\.[\w-]*$/

/** Answers invalid_client for an unreadable assertion, an unknown type or a subject that is no text (RFC 7521 4.2.1, RFC 6749 5.2). The
 *  library answers invalid_request. */
export const refuseOddAssertions: ParamsWatcher = (_context, params) => {
  const { client_assertion: assertion, client_assertion_type: type } = params
  if (typeof assertion !== 'string' || typeof type !== 'string') return
  if (type !== jwtBearer) throw new errors.InvalidClientAuth('the client assertion is of a type that is not served')
  const claims = compactJwt.test(assertion) ? readClaims(assertion) : undefined
  if (claims === undefined) throw new errors.InvalidClientAuth('the client assertion is no JWT')
  if (claims.sub !== undefined && typeof claims.sub !== 'string')
    throw new errors.InvalidClientAuth('the subject of the client assertion is no text')
}
