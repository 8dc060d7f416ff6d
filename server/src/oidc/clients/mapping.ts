import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { checkClient } from '@nauthera/rules/check-client'
import { showsSecret } from '@nauthera/rules/client-authentication'
import type { ClientFault } from '@nauthera/rules/client-fault'
import { oidcScopes } from '@nauthera/rules/scopes'
import type { CheckClient, CheckOutcome, ClientIdentity } from '../../clients/check-client.ts'
import type { ClientClass, ProviderMetadata } from './oidc-client.ts'
import { registrationFault } from './registration.ts'

// OIDCClient -> what the library registers. Total: every field of ClientConfig is mapped, used elsewhere (said where),
// or refused with a reason. The library drops keys that it does not know without a word, so its answer is compared.

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
  const needsSecret = showsSecret(config.tokenEndpointAuthMethod)
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

/** @param needs.clientClass of the Provider whose rules apply now
 *  @returns the check that each new version of a client passes before it is served */
export function createClientCheck(needs: {
  clientClass: () => ClientClass
  algorithms: readonly string[]
}): CheckClient<ProviderMetadata> {
  return async (config, identity): Promise<CheckOutcome<ProviderMetadata>> => {
    const faults = checkClient(config, { hasSecret: identity.hasSecret, algorithms: needs.algorithms })
    if (faults.length > 0) return { kind: 'rejected', faults }
    const metadata = renderMetadata(config, identity, { algorithm: needs.algorithms[0]! })
    const fault = libraryFault(needs.clientClass(), metadata)
    return fault ? { kind: 'rejected', faults: [fault] } : { kind: 'accepted', metadata: Object.freeze(metadata) }
  }
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

/** The last word: what only the library finds wrong. */
function libraryFault(Client: ClientClass, metadata: ProviderMetadata): ClientFault | undefined {
  const fault = registrationFault(Client, metadata)
  if (fault === undefined) return undefined
  const field = (fault.key && fieldOfKey[fault.key]) || 'spec'
  return { field, code: 'CLIENT_METADATA_INVALID', message: fault.message }
}

function withoutEmpty(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''))
}
