import { isDeepStrictEqual } from 'node:util'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type Provider from 'oidc-provider'
import type { CheckClient, CheckOutcome, ClientFault, ClientIdentity } from '../../clients/build-registry.ts'
import type { ErrorCode } from '../../errors.ts'
import { isLoopback } from '../../settings.ts'
import { claimsByScope, oidcScopes, signInClaims } from '../claims.ts'
import type { ProviderMetadata } from './oidc-client.ts'
import { longest } from '../lifetimes.ts'

// OIDCClient -> what the library registers. Total: every field of ClientConfig is mapped, used elsewhere (said where),
// or refused with a reason. The library drops keys that it does not know without a word, so its answer is compared.

const code = (value: ErrorCode): ErrorCode => value
const invalid = code('CLIENT_METADATA_INVALID')
const unsupported = code('CLIENT_FEATURE_UNSUPPORTED')

/** Stands where the library wants a plain secret. It is never compared with anything (overrides: compareSecrets). */
const secretPlaceholder = 'hashed-secrets-are-compared-elsewhere'

/** What each field of ClientConfig becomes: a key of the metadata, or the place that reads it from the entry itself.
 *  @internal read by a test alone */
export const fieldUse: Readonly<Record<Exclude<keyof ClientConfig, `$${string}`>, string>> = {
  generation: 'clients: rejections name it',
  type: 'application_type; grants: mayRefresh',
  clientName: 'client_name',
  description: 'pages only',
  suspended: 'client-instances',
  redirectUris: 'redirect_uris',
  postLogoutRedirectUris: 'post_logout_redirect_uris',
  grantTypes: 'grant_types, response_types',
  responseModes: 'response_modes',
  scopes: 'scope (those of the Provider); resources: scopes of APIs',
  audiences: 'resources',
  tokenEndpointAuthMethod: 'token_endpoint_auth_method',
  jwksUri: 'jwks_uri',
  jwks: 'jwks',
  tlsClientAuthSubjectDn: 'refused',
  tlsClientAuthSanDns: 'refused',
  tlsClientAuthSanUri: 'refused',
  pkceRequired: 'configuration: pkce.required',
  requirePushedAuthorizationRequests: 'require_pushed_authorization_requests',
  dpopBoundAccessTokens: 'dpop_bound_access_tokens',
  requireSignedRequestObject: 'require_signed_request_object',
  profile: 'refused unless Standard',
  consent: 'grants',
  resourceServer: 'resources, introspection',
  allowedGroups: 'access-rule',
  requiredAcr: 'refused',
  accessTokenTtl: 'configuration: ttl',
  idTokenTtl: 'configuration: ttl',
  refreshTokenTtl: 'configuration: ttl, grants',
  accessTokenFormat: 'resources',
  subjectType: 'subject_type',
  sectorIdentifierUri: 'refused',
  defaultMaxAge: 'default_max_age',
  requireAuthTime: 'require_auth_time',
  idTokenSignedResponseAlg: 'id_token_signed_response_alg',
  userinfoSignedResponseAlg: 'userinfo_signed_response_alg',
  backchannelLogoutUri: 'refused',
  backchannelLogoutSessionRequired: 'refused with its URI',
  corsOrigins: 'configuration: clientBasedCORS',
  claims: 'claims: claimsFromGroups',
  clientUri: 'client_uri',
  logoUri: 'logo_uri',
  policyUri: 'policy_uri',
  tosUri: 'tos_uri',
  initiateLoginUri: 'initiate_login_uri',
  contacts: 'contacts',
}

/** @returns the metadata, with nothing left to the library's own defaults that matters */
export function renderMetadata(
  config: ClientConfig,
  identity: Pick<ClientIdentity, 'clientId'>,
  defaults: { algorithm: string },
): ProviderMetadata {
  const usesCode = config.grantTypes.includes('authorization_code')
  const scopes = config.scopes.filter((scope) => oidcScopes.includes(scope))
  const needsSecret = config.tokenEndpointAuthMethod.startsWith('client_secret_')
  return withoutEmpty({
    client_id: identity.clientId,
    client_secret: needsSecret ? secretPlaceholder : undefined,
    client_name: config.clientName,
    application_type: config.type === 'Native' ? 'native' : 'web',
    redirect_uris: config.redirectUris.slice(),
    post_logout_redirect_uris: config.postLogoutRedirectUris.slice(),
    grant_types: config.grantTypes.slice(),
    response_types: usesCode ? ['code'] : [],
    response_modes: config.responseModes.length > 0 ? config.responseModes.slice() : undefined,
    // an empty scope would mean "any" to the library
    scope: scopes.length > 0 ? scopes.join(' ') : 'openid',
    token_endpoint_auth_method: config.tokenEndpointAuthMethod,
    jwks_uri: config.jwksUri,
    jwks: config.jwks,
    require_pushed_authorization_requests: config.requirePushedAuthorizationRequests,
    dpop_bound_access_tokens: config.dpopBoundAccessTokens,
    require_signed_request_object: config.requireSignedRequestObject,
    subject_type: config.subjectType || 'public',
    default_max_age: config.defaultMaxAge,
    require_auth_time: config.requireAuthTime,
    id_token_signed_response_alg: config.idTokenSignedResponseAlg || defaults.algorithm,
    userinfo_signed_response_alg: config.userinfoSignedResponseAlg,
    authorization_signed_response_alg: config.idTokenSignedResponseAlg || defaults.algorithm,
    client_uri: config.clientUri,
    logo_uri: config.logoUri,
    policy_uri: config.policyUri,
    tos_uri: config.tosUri,
    initiate_login_uri: config.initiateLoginUri,
    contacts: config.contacts.length > 0 ? config.contacts.slice() : undefined,
  })
}

/** @param needs.provider the Provider whose rules apply now
 *  @returns the check that each new version of a client passes before it is served */
export function createClientCheck(needs: {
  provider: () => Provider
  algorithms: readonly string[]
}): CheckClient<ProviderMetadata> {
  return async (config, identity): Promise<CheckOutcome<ProviderMetadata>> => {
    const faults = [...unsupportedFaults(config, needs.algorithms), ...ownFaults(config, identity)]
    if (faults.length > 0) return { kind: 'rejected', faults }
    const metadata = renderMetadata(config, identity, { algorithm: needs.algorithms[0]! })
    const fault = libraryFault(needs.provider(), metadata)
    return fault ? { kind: 'rejected', faults: [fault] } : { kind: 'accepted', metadata: Object.freeze(metadata) }
  }
}

/** What is in the schema from the start and served by a later release. */
function unsupportedFaults(config: ClientConfig, algorithms: readonly string[]): ClientFault[] {
  const not = (field: string, what: string): ClientFault => ({
    field,
    code: unsupported,
    message: `${what} is not served by this release; take it out`,
  })
  const faults: ClientFault[] = []
  const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
  if (config.type === 'Device') faults.push(not('spec.type', 'the device flow'))
  if (config.type !== 'Device' && config.type !== 'Native' && config.grantTypes.includes(deviceGrant)) {
    faults.push(not('spec.grantTypes', 'the device flow'))
  }
  if (config.tokenEndpointAuthMethod.includes('tls_client_auth')) faults.push(not('spec.auth.method', 'mutual TLS'))
  if (config.profile === 'FAPI2') faults.push(not('spec.profile', 'the FAPI 2.0 profile'))
  if (config.requiredAcr.length > 0) faults.push(not('spec.access.requiredAcr', 'a second factor'))
  if (config.subjectType === 'pairwise') faults.push(not('spec.subjectType', 'a pairwise subject'))
  if (config.sectorIdentifierUri !== '') faults.push(not('spec.sectorIdentifierURI', 'a pairwise subject'))
  if (config.backchannelLogoutUri !== '') faults.push(not('spec.logout.backchannelURI', 'back-channel logout'))
  for (const [field, value] of [
    ['spec.signing.idToken', config.idTokenSignedResponseAlg],
    ['spec.signing.userinfo', config.userinfoSignedResponseAlg],
  ] as const) {
    if (value !== '' && !algorithms.includes(value)) {
      faults.push({
        field,
        code: invalid,
        message: `${value} is not among this server's algorithms: ${algorithms.join(', ')}`,
      })
    }
  }
  return faults
}

/** Rules of our own, whatever the operator has checked: an old API server or a disabled policy must not open a hole. */
function ownFaults(config: ClientConfig, identity: ClientIdentity): ClientFault[] {
  const faults: ClientFault[] = []
  const fault = (field: string, message: string) => void faults.push({ field, code: invalid, message })
  for (const uri of config.redirectUris) {
    const reason = redirectFault(uri, config.type)
    if (reason) fault('spec.redirectURIs', `${JSON.stringify(uri)} ${reason}`)
  }
  for (const uri of config.postLogoutRedirectUris) {
    const reason = redirectFault(uri, config.type)
    if (reason) fault('spec.postLogoutRedirectURIs', `${JSON.stringify(uri)} ${reason}`)
  }
  const method = config.tokenEndpointAuthMethod
  if (method === 'client_secret_jwt')
    fault('spec.auth.method', 'must not be client_secret_jwt: only hashes of secrets are kept')
  if (method.startsWith('client_secret_') && !identity.hasSecret)
    fault('spec.auth.method', 'needs a secret, and none is there')
  if (method === 'none' && !config.pkceRequired)
    fault('spec.pkce', 'must be Required for a client without authentication')
  if (method === 'none' && config.grantTypes.includes('client_credentials')) {
    fault('spec.grantTypes', 'must not have client_credentials without authentication')
  }
  if (config.grantTypes.some((type) => type === 'implicit' || type === 'password')) {
    fault('spec.grantTypes', 'must not have implicit or password')
  }
  if (config.consent === ConsentMode.UNSPECIFIED) fault('spec.consent', 'must be Explicit, Remember or Skip')
  for (const origin of config.corsOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      fault('spec.corsOrigins', `${JSON.stringify(origin)} must be an origin such as https://app.example.com`)
  }
  for (const { name } of config.claims) {
    if (registeredClaims.has(name))
      fault('spec.claims', `${JSON.stringify(name)} is a registered claim; choose another name`)
  }
  for (const [field, seconds, most] of [
    ['spec.tokens.accessTTL', config.accessTokenTtl, longest.accessToken],
    ['spec.tokens.idTTL', config.idTokenTtl, longest.idToken],
    ['spec.tokens.refreshTTL', config.refreshTokenTtl, longest.refreshIdle],
  ] as const) {
    if (seconds > most) fault(field, `must be at most ${most / 3600}h`)
  }
  return faults
}

const registeredClaims = new Set<string>([
  ...Object.values(claimsByScope).flat(),
  ...signInClaims,
  'aud',
  'exp',
  'iat',
  'nbf',
  'jti',
  'nonce',
  'azp',
  'at_hash',
  'c_hash',
  's_hash',
  'cnf',
  'scope',
  'client_id',
  'events',
  'act',
  'may_act',
])

/** Exact redirects only (RFC 9700 section 2.1, RFC 8252 section 7).
 *  @returns what is wrong; undefined when nothing is */
export function redirectFault(uri: string, type: string): string | undefined {
  if (!URL.canParse(uri)) return 'must be an absolute URI'
  const url = new URL(uri)
  // eslint-disable-next-line no-control-regex -- a control character must not reach a Location header
  if (/[\s\\\u0000-\u001f\u007f]/.test(uri)) return 'must have no space, backslash or control character'
  if (uri.includes('#')) return 'must have no fragment'
  if (uri.includes('*')) return 'must have no *: redirects are compared character by character'
  if (url.username !== '' || url.password !== '' || /^[a-z]+:\/\/[^/]*@/i.test(uri))
    return 'must not hold a user name or password'
  if (url.protocol === 'https:') return undefined
  if (url.protocol === 'http:') {
    return ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname) && isLoopback(url.hostname)
      ? undefined
      : 'must be https, or http on localhost, 127.0.0.1 or [::1]'
  }
  if (type === 'Native' && /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(url.protocol)) return undefined
  return 'must be https, or http on localhost, 127.0.0.1 or [::1]'
}

/** Field of the OIDCClient by key of the metadata, for what only the library finds. */
const fieldOfKey: Readonly<Record<string, string>> = {
  jwks: 'spec.auth.jwks',
  jwks_uri: 'spec.auth.jwksURI',
  redirect_uris: 'spec.redirectURIs',
  post_logout_redirect_uris: 'spec.postLogoutRedirectURIs',
  grant_types: 'spec.grantTypes',
  response_modes: 'spec.responseModes',
  response_types: 'spec.grantTypes',
  scope: 'spec.scopes',
  token_endpoint_auth_method: 'spec.auth.method',
  default_max_age: 'spec.defaultMaxAge',
  id_token_signed_response_alg: 'spec.signing.idToken',
  userinfo_signed_response_alg: 'spec.signing.userinfo',
  client_uri: 'spec.uris.client',
  logo_uri: 'spec.uris.logo',
  policy_uri: 'spec.uris.policy',
  tos_uri: 'spec.uris.tos',
  initiate_login_uri: 'spec.uris.initiateLogin',
  contacts: 'spec.contacts',
  client_id: 'spec.clientId',
  client_name: 'spec.displayName',
}

/** @returns what the library refuses, or keeps other than it was given */
function libraryFault(provider: Provider, metadata: ProviderMetadata): ClientFault | undefined {
  let registered: Record<string, unknown>
  try {
    // the checks of Client.validate without its request to a sector URI, which this release refuses anyway
    const Client = provider.Client as unknown as new (metadata: object) => { metadata(): Record<string, unknown> }
    registered = new Client({ ...metadata }).metadata()
  } catch (error) {
    // not only its own error class: some faults surface as a bare TypeError
    const { error_description: description, message } = error as { error_description?: string; message?: string }
    const text = description ?? message ?? 'the library refuses this client'
    const key =
      Object.keys(fieldOfKey).find((name) => text.startsWith(name)) ??
      (text.includes('JSON Web Key Set') ? 'jwks' : undefined)
    const detail = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
    return { field: key ? fieldOfKey[key]! : 'spec', code: invalid, message: `${text}${detail}` }
  }
  const lost = Object.keys(metadata).find((key) => !isDeepStrictEqual(registered[key], metadata[key]))
  if (lost === undefined) return undefined
  return { field: fieldOfKey[lost] ?? 'spec', code: invalid, message: `${lost} would not be kept as written` }
}

function withoutEmpty(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''))
}
