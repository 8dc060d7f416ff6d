// Parses a client by metadata document: its client_id is the https URL of the document (OAuth Client ID Metadata Document). Pure.
import { create } from '@bufbuild/protobuf'
import { ClientConfigSchema, ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { renderVersion } from '@nauthera/proto/client-version'
import { loopbackHosts, redirectFault } from '@nauthera/rules/uris'
import { asOneLine } from '@nauthera/runtime/hidden-characters'
import { isOneOf, parseJsonRecord } from '@nauthera/runtime/json'
import { createRegisteredClient } from '../../clients/registered-client.ts'
import type { GrantedScopes } from '../../clients/registered-client.ts'
import type { OidcClient } from './oidc-client.ts'

/** Characters of a client_id and of a client_name. */
const longestId = 256
const longestName = 64
/** Redirect URIs of one client. */
const mostRedirects = 20
/** Seconds: a year, as for every client. */
const longestAge = 31_536_000
/** Seconds: the least and the greatest freshness of a document. */
export const freshness = { least: 300, most: 86_400 }
export const isDocumentId = (clientId: string): boolean => clientId.startsWith('https://')

/** The used fields of a document. */
export interface MetadataDocument {
  readonly clientId: string
  readonly name: string
  readonly redirectUris: readonly string[]
  readonly clientUri: string | undefined
  /** Whether it has the grant for refresh tokens. */
  readonly refreshes: boolean
  readonly wishes: Wishes
}

/** The client's options for answers and protection. */
type Wishes = Pick<
  ClientConfig,
  | 'idTokenSignedResponseAlg'
  | 'userinfoSignedResponseAlg'
  | 'dpopBoundAccessTokens'
  | 'requirePushedAuthorizationRequests'
  | 'requireAuthTime'
  | 'defaultMaxAge'
>

type Read<T> = ({ readonly kind: 'read' } & T) | { readonly kind: 'refused'; readonly why: string }

const refuse = (why: string) => ({ kind: 'refused' as const, why })

/** @returns the host of a client_id that is a valid document URL (draft-ietf-oauth-client-id-metadata-document, section 3) */
export function hostOfId(clientId: string): Read<{ host: string }> {
  if (clientId.length > longestId)
    return refuse(`a client_id that is an address must have at most ${longestId} characters`)
  const url = URL.parse(clientId)
  // a URL parser would change it: dot segments, a user name, capitals in the host, port 443, spaces
  if (
    url?.protocol !== 'https:' ||
    url.href !== clientId ||
    /[?#\\]/.test(clientId) ||
    `${url.username}${url.password}` !== ''
  )
    return refuse(
      'a client_id that is an address must be written as browsers do: https, host and path, without user name, password, query, fragment and . or .. in the path',
    )
  if (url.pathname === '/') return refuse('a client_id that is an address must have a path, such as /client.json')
  return { kind: 'read', host: url.host }
}

/** @param hosts `app.example.com`, or `.apps.example.com` for all below it */
export const coversHost = (hosts: readonly string[], host: string): boolean =>
  hosts.some((one) => (one.startsWith('.') ? host.endsWith(one) : host === one))

/** @param text the document from `clientId`; @param algorithms the server's signing algorithms
 *  @returns `foreign` for what says nothing of this client: a page of an outage, perhaps */
export function readDocument(
  text: string,
  clientId: string,
  algorithms: readonly string[],
): Read<{ document: MetadataDocument }> | { readonly kind: 'foreign'; readonly why: string } {
  const document = parseJsonRecord(text)
  if (document === undefined) return { kind: 'foreign', why: 'it is no JSON object' }
  if (document['client_id'] !== clientId)
    return { kind: 'foreign', why: 'its client_id is not the address that it came from' }
  if ('client_secret' in document || 'client_secret_expires_at' in document)
    return refuse('it has a client_secret, which everybody could read')
  const method = document['token_endpoint_auth_method'] ?? 'none'
  if (method !== 'none') return refuse('its token_endpoint_auth_method is not none: such clients are public')
  if (!namesAmong(document['grant_types'], 'authorization_code'))
    return refuse('its grant_types lack authorization_code')
  if (!namesAmong(document['response_types'], 'code')) return refuse('its response_types lack code')
  const { origin, host } = new URL(clientId)
  const redirectUris = ownRedirects(document, origin)
  if (redirectUris.length === 0)
    return refuse(`it has no redirect_uris at its own origin ${origin}, or http on localhost, 127.0.0.1 or [::1]`)
  if (redirectUris.length > mostRedirects) return refuse(`it has more than ${mostRedirects} redirect_uris`)
  const wishes = wishesOf(document, algorithms)
  if (wishes.kind === 'refused') return wishes
  const clientUri = document['client_uri']
  return {
    kind: 'read',
    document: {
      wishes: wishes.wishes,
      clientId,
      name: nameOf(document['client_name'], host),
      redirectUris,
      refreshes: namesAmong(document['grant_types'], 'refresh_token'),
      clientUri: typeof clientUri === 'string' && isOwnPage(clientUri, origin) ? clientUri : undefined,
    },
  }
}

/** Security options that are not supported for such clients: a document with one is refused. Each with its neutral values. */
const notServed: Readonly<Record<string, readonly unknown[]>> = {
  id_token_encrypted_response_alg: [],
  userinfo_encrypted_response_alg: [],
  authorization_encrypted_response_alg: [],
  subject_type: ['public'],
  require_signed_request_object: [false],
  tls_client_certificate_bound_access_tokens: [false],
}

function wishesOf(
  document: Readonly<Record<string, unknown>>,
  algorithms: readonly string[],
): Read<{ wishes: Wishes }> {
  for (const [name, empty] of Object.entries(notServed)) {
    const value = document[name]
    if (value !== undefined && !empty.includes(value)) return refuse(`its ${name} is not served to such clients`)
  }
  for (const name of ['id_token_signed_response_alg', 'userinfo_signed_response_alg']) {
    const value = document[name]
    if (value !== undefined && !isOneOf(algorithms, value))
      return refuse(`its ${name} is not among this server's algorithms (${algorithms.join(', ')})`)
  }
  for (const name of ['dpop_bound_access_tokens', 'require_pushed_authorization_requests', 'require_auth_time'])
    if (!['undefined', 'boolean'].includes(typeof document[name]))
      return refuse(`its ${name} is neither true nor false`)
  const age = document['default_max_age']
  const isAge = typeof age === 'number' && Number.isSafeInteger(age) && age >= 0 && age <= longestAge
  if (age !== undefined && !isAge) return refuse(`its default_max_age is no number of seconds from 0 to ${longestAge}`)
  const algorithm = (name: string) => algorithms.find((known) => known === document[name]) ?? ''
  return {
    kind: 'read',
    wishes: {
      idTokenSignedResponseAlg: algorithm('id_token_signed_response_alg'),
      userinfoSignedResponseAlg: algorithm('userinfo_signed_response_alg'),
      dpopBoundAccessTokens: document['dpop_bound_access_tokens'] === true,
      requirePushedAuthorizationRequests: document['require_pushed_authorization_requests'] === true,
      requireAuthTime: document['require_auth_time'] === true,
      ...(isAge ? { defaultMaxAge: age } : {}),
    },
  }
}

/** The name with the host, which nobody can fake. */
function nameOf(said: unknown, host: string): string {
  const name =
    typeof said === 'string' ? asOneLine(said.replace(/[()]/g, ' ')).slice(0, longestName).toWellFormed() : ''
  return name === '' ? host : `${name} (${host})`
}

/** The allowed redirect URIs: on the document's host, or on loopback (RFC 8252 section 7.3). */
function ownRedirects(document: Readonly<Record<string, unknown>>, origin: string): string[] {
  const all = textsOf(document['redirect_uris'])
  const own = all.filter((uri) => redirectFault(uri, 'Web') === undefined && new URL(uri).origin === origin)
  // the library allows no mix of https and loopback http, as during development
  if (own.length > 0 && loopbackHosts.includes(new URL(origin).hostname)) return own
  return [...own, ...all.filter((uri) => uri.startsWith('http:') && redirectFault(uri, 'Native') === undefined)]
}

/** `blob:https://host/` has the origin of its host too, and `https://bank@host/` begins like another one. */
function isOwnPage(uri: string, origin: string): boolean {
  const url = URL.parse(uri)
  return url?.protocol === 'https:' && url.origin === origin && `${url.username}${url.password}` === ''
}

/** Whether a list is absent or has the word. */
const namesAmong = (list: unknown, word: string): boolean => list === undefined || textsOf(list).includes(word)

const textsOf = (list: unknown): string[] =>
  Array.isArray(list) ? list.filter((one): one is string => typeof one === 'string') : []

/** @returns the freshness of an answer in seconds (RFC 9111 section 4.2, within our bounds) */
export function freshFor(headers: Headers, now: Date): number {
  const control = headers.get('cache-control') ?? ''
  const maxAge = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,9})/i.exec(control)?.[1]
  const expires = Date.parse(headers.get('expires') ?? '')
  const age = Number(headers.get('age') ?? 0) || 0
  let seconds = Number.isNaN(expires) ? 0 : (expires - now.getTime()) / 1000
  if (maxAge !== undefined) seconds = Number(maxAge) - age
  if (/(?:^|,)\s*no-(store|cache)\b/i.test(control)) seconds = 0
  return Math.min(Math.max(Math.floor(seconds), freshness.least), freshness.most)
}

/** @param access the present access of its host's clients to APIs
 *  @returns the document as a public client with PKCE, which always needs consent */
export function clientOfDocument(document: MetadataDocument, access: readonly GrantedScopes[]): OidcClient {
  const { clientId, name, redirectUris, clientUri, refreshes, wishes } = document
  const { origin } = new URL(clientId)
  const config = create(ClientConfigSchema, {
    generation: 1n,
    type: redirectUris.some((uri) => uri.startsWith('http:')) ? 'Native' : 'SPA',
    clientName: name,
    redirectUris: [...redirectUris],
    grantTypes: ['authorization_code', ...(refreshes ? ['refresh_token'] : [])],
    // the person's id only
    scopes: [
      ...new Set(['openid', ...(refreshes ? ['offline_access'] : []), ...access.flatMap(({ scopes }) => scopes)]),
    ],
    audiences: access.map(({ identifier }) => identifier),
    tokenEndpointAuthMethod: 'none',
    pkceRequired: true,
    profile: 'Standard',
    subjectType: 'public',
    consent: ConsentMode.EXPLICIT,
    idTokenClaims: 'Minimal',
    corsOrigins: [origin],
    clientUri: clientUri ?? '',
    ...wishes,
  })
  return createRegisteredClient({
    clientId,
    // the URL is the key of consents and grants
    uid: clientId,
    namespace: '',
    name: new URL(clientId).host,
    shard: 0,
    verifiers: [],
    version: renderVersion(config),
    api: undefined,
    granted: access,
  })
}
