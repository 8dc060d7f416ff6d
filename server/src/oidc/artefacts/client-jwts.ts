import { isBareUri } from '../../clients/api-names.ts'
import { clockTolerance } from '../lifetimes.ts'

// JWTs that a client has signed: its proof (client assertion, RFC 7523) and its requests (request object, RFC 9101).
// Both come from the same key for the same audience, so neither may pass for the other.

export interface ClientJwt {
  readonly claims: Readonly<Record<string, unknown>>
  readonly header: Readonly<Record<string, unknown>>
  /** Epoch milliseconds. */
  readonly now: number
}

const requestKind = 'oauth-authz-req+jwt'

/** A request has one of them; a proof has no use for any. */
const ofRequests = ['response_type', 'redirect_uri', 'response_mode', 'code_challenge'] as const

/** @returns why it is no proof of the client, although its signature is right */
export function assertionFault(jwt: ClientJwt): string | undefined {
  const { claims } = jwt
  const kind = kindOf(jwt)
  if (kind === requestKind) return 'a request object is no client assertion'
  if (kind !== undefined && kind !== 'client-authentication+jwt') return `its typ is ${kind}: it is no client assertion`
  const foreign = ofRequests.find((name) => claims[name] !== undefined)
  if (foreign !== undefined) return `a client assertion has no ${foreign}: this is a request object`
  return commonFault(jwt)
}

/** @returns why it is no request of the client, although its signature is right */
export function requestObjectFault(jwt: ClientJwt): string | undefined {
  const kind = kindOf(jwt)
  if (kind !== undefined && kind !== requestKind) return `its typ is ${kind}: it is no request object`
  // the library asks nobody about the API or the scopes of such a request
  const { resource } = jwt.claims
  if (Array.isArray(resource) && resource.length === 0) return 'resource names no API: leave it out'
  // the library's own form of a pushed request has no signature, and APIs by their URIs
  const isOwn = jwt.header['alg'] === 'none'
  const isInner = !isOwn && [resource].flat().some((one) => typeof one === 'string' && isBareUri(one))
  if (isInner) return 'resource names an API by bare: and its name: leave bare: out'
  return commonFault(jwt)
}

/** @returns what a JWT says that it is, such as `dpop+jwt`; undefined for one that says no more than that it is a JWT (RFC 8725 section 3.11) */
function kindOf({ header }: Pick<ClientJwt, 'header'>): string | undefined {
  const typ = typeof header['typ'] === 'string' ? header['typ'].toLowerCase().replace(/^application\//, '') : ''
  return typ.endsWith('+jwt') ? typ : undefined
}

function commonFault({ claims, header, now }: ClientJwt): string | undefined {
  // such a payload would be read in another form than the one that was signed
  if (header['b64'] !== undefined) return 'b64 is not supported in the header of a JWT (RFC 7797 section 7)'
  const { iat } = claims
  if (typeof iat === 'number' && iat > now / 1000 + clockTolerance) return 'iat is in the future'
  return undefined
}
