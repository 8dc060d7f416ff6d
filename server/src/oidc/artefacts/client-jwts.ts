// Checks JWTs of a client: client assertions (RFC 7523) and request objects (RFC 9101). Both have the same key and audience, so neither
// may pass for the other.
import { isBareUri } from '../../clients/api-names.ts'
import { clockTolerance } from '../../clock-age.ts'
import { isBeforeRestore } from './store-epoch.ts'

export interface ClientJwt {
  readonly claims: Readonly<Record<string, unknown>>
  readonly header: Readonly<Record<string, unknown>>
  /** Epoch milliseconds. */
  readonly now: number
}

const requestKind = 'oauth-authz-req+jwt'

/** Claims that only a request object has. */
const ofRequests = ['response_type', 'redirect_uri', 'response_mode', 'code_challenge'] as const

/** @param jwt.restoredAt the store epoch: what was used before a restore is forgotten
 *  @returns why it is no client assertion, although its signature is valid */
export function assertionFault(jwt: ClientJwt & { readonly restoredAt: number }): string | undefined {
  const { claims, restoredAt } = jwt
  const kind = kindOf(jwt)
  if (kind === requestKind) return 'a request object is no client assertion'
  if (kind !== undefined && kind !== 'client-authentication+jwt') return `its typ is ${kind}: it is no client assertion`
  const foreign = ofRequests.find((name) => claims[name] !== undefined)
  if (foreign !== undefined) return `a client assertion has no ${foreign}: this is a request object`
  if (isBeforeRestore(claims['iat'] ?? claims['nbf'], restoredAt))
    return 'the database was restored since it was signed; sign a new one'
  return commonFault(jwt)
}

/** An assertion proves the client at every server that it names: whoever gets it there could use it here.
 *  @param ours the names of this server in an assertion; some programs name two of them
 *  @returns the fault of an assertion that names another server too */
export function audienceFault({ aud }: ClientJwt['claims'], ours: ReadonlySet<unknown>): string | undefined {
  const isForOthers = [aud].flat().some((one) => !ours.has(one))
  return isForOthers ? 'aud names another server too: name only this one in an assertion' : undefined
}

/** @returns why it is no request object, although its signature is valid */
export function requestObjectFault(jwt: ClientJwt): string | undefined {
  const kind = kindOf(jwt)
  if (kind !== undefined && kind !== requestKind) return `its typ is ${kind}: it is no request object`
  // the library does not check APIs and scopes of such a request
  const { resource } = jwt.claims
  if (Array.isArray(resource) && resource.length === 0) return 'resource names no API: leave it out'
  // the library's own form of a pushed request is unsigned, with APIs by URI
  const isOwn = jwt.header['alg'] === 'none'
  const isInner = !isOwn && [resource].flat().some((one) => typeof one === 'string' && isBareUri(one))
  if (isInner) return 'resource names an API by bare: and its name: leave bare: out'
  return commonFault(jwt)
}

/** @returns the explicit type of a JWT, such as `dpop+jwt`; undefined for none or `jwt` (RFC 8725 section 3.11) */
function kindOf({ header }: Pick<ClientJwt, 'header'>): string | undefined {
  const typ = typeof header['typ'] === 'string' ? header['typ'].toLowerCase().replace(/^application\//, '') : ''
  return typ.endsWith('+jwt') ? typ : undefined
}

function commonFault({ claims, header, now }: ClientJwt): string | undefined {
  // such a payload would be read in another form than was signed
  if (header['b64'] !== undefined) return 'b64 is not supported in the header of a JWT (RFC 7797 section 7)'
  const { iat } = claims
  if (typeof iat === 'number' && iat > now / 1000 + clockTolerance) return 'iat is in the future'
  return undefined
}
