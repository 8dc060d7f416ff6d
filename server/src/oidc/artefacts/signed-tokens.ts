// Finds the payload of a JWT access token, for introspection and revocation. A sealed reference leads to the grant: `sub` may be pairwise
// and never identifies a person here.
import { fieldsOf } from '@nauthera/runtime/json'
import { verifySigned } from '../keys/jwt.ts'
import type { KeySet } from '../keys/key-set.ts'
import { clockTolerance } from '../../clock-age.ts'
import type { RequestContext } from '../request-context.ts'
import type { Sealer } from './sealed.ts'
import { isBeforeRestore } from './store-epoch.ts'

/** The library gets this name in place of the request's JWT (library/params/name-tokens.ts). */
export const signedTokenName = 'a-signed-token'

type Payload = Record<string, unknown>

export interface SignedTokens {
  /** @returns the payload of the library's model; undefined without a valid JWT access token of this server. Verified once in a request */
  find(request: RequestContext): Promise<Payload | undefined>
}

export function createSignedTokens(needs: {
  issuer: string
  keys: () => KeySet
  sealer: Sealer
  epoch: () => number
  /** Epoch milliseconds. */
  now: () => number
}): SignedTokens {
  const { issuer, keys, sealer, epoch, now } = needs
  const read = async (token: string | undefined): Promise<Payload | undefined> => {
    if (token === undefined) return undefined
    const about = { keys: keys().published, issuer, type: 'at+jwt', clockTolerance, now: new Date(now()) }
    const claims = await verifySigned(token, about)
    return claims && !isBeforeRestore(claims['iat'], epoch()) ? payloadOf(claims, sealer) : undefined
  }
  return {
    async find(request) {
      request.verifiedToken ??= read(request.signedToken)
      const payload = await request.verifiedToken
      if (payload) request.artefact = payload
      return payload
    },
  }
}

/** Our claims in a JWT beside those of RFC 9068. */
export function grantReference(
  token: { readonly grantId?: string; readonly accountId?: string },
  sealer: Sealer,
): { readonly grant_ref?: string } {
  const { grantId, accountId } = token
  if (grantId === undefined || accountId === undefined) return {}
  return { grant_ref: sealer.seal('GrantReference', { grantId, accountId }) }
}

function payloadOf(claims: Payload, sealer: Sealer): Payload | undefined {
  const { jti, iat, exp, aud, scope, client_id: clientId, sub, cnf, grant_ref: reference, act, acr, auth_time } = claims
  const token = { jti, iat, exp, aud, scope, clientId, ...boundTo(cnf), ...detailsOf(claims) }
  if (typeof reference === 'string') {
    const grant = sealer.unseal('GrantReference', reference)
    return grant && { ...token, ...grant, extra: { act, acr, auth_time }, kind: 'AccessToken' }
  }
  // a person's token without a reference cannot be judged
  return sub === clientId ? { ...token, kind: 'ClientCredentials' } : undefined
}

const detailsOf = ({ authorization_details: authorizationDetails }: Payload): Payload =>
  authorizationDetails === undefined ? {} : { authorizationDetails }

/** The key or certificate that the token is bound to. */
function boundTo(cnf: unknown): Payload {
  const { jkt, 'x5t#S256': certificate } = fieldsOf(cnf)
  return { ...(jkt === undefined ? {} : { jkt }), ...(certificate === undefined ? {} : { 'x5t#S256': certificate }) }
}
