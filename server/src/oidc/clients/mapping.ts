// Maps a ClientConfig to the library's metadata. Every field is mapped or read elsewhere (`fieldUse` says where). The library ignores
// unknown keys silently, so registration.ts compares the result.
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { specPathOf } from '@nauthera/proto/spec-path'
import { fapiAlgorithms } from '@nauthera/rules/algorithms'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { declarationLimits } from '@nauthera/rules/authorization-details'
import { hasCertificateBoundTokens } from '@nauthera/rules/certificates'
import type { MutualTls } from '@nauthera/rules/certificates'
import { checkClient } from '@nauthera/rules/check-client'
import { federatedMethod, showsSecret } from '@nauthera/rules/client-authentication'
import { invalid } from '@nauthera/rules/client-fault'
import type { ClientFault } from '@nauthera/rules/client-fault'
import { userinfoEncryption } from '@nauthera/rules/encryption'
import { apiTextLength } from '@nauthera/rules/limits'
import { oidcScopes } from '@nauthera/rules/scopes'
import { hiddenRanges } from '@nauthera/runtime/hidden-characters'
import type { CheckClient, ClientIdentity } from '../../clients/check-client.ts'
import type { ClientClass, ProviderMetadata } from './oidc-client.ts'
import { registrationFault } from './registration.ts'

/** The library requires a plain secret. It is never compared: overrides/compare-secrets does that. */
const secretPlaceholder = 'hashed-secrets-are-compared-elsewhere'

/** The use of each field of ClientConfig: a key of the metadata, or the file that reads it.
 *  @internal read by a test alone */
export const fieldUse: Readonly<Record<Exclude<keyof ClientConfig, `$${string}`>, string>> = {
  generation: 'server/src/clients/build-registry: a rejection names it',
  type: 'application_type',
  clientName: 'client_name; clients/on-page',
  description: 'account/launcher: what a person can search and read',
  suspended: 'clients/instances',
  redirectUris: 'redirect_uris',
  postLogoutRedirectUris: 'post_logout_redirect_uris',
  grantTypes: 'grant_types, response_types',
  responseModes: 'response_modes',
  scopes: 'apis/apis, apis/asked',
  audiences: 'apis/apis, artefacts/resources',
  tokenEndpointAuthMethod: 'token_endpoint_auth_method',
  jwksUri: 'jwks_uri',
  jwks: 'jwks',
  tlsClientAuthSubjectDn: 'tls_client_auth_subject_dn; library/mutual-tls',
  tlsClientAuthSanDns: 'tls_client_auth_san_dns; library/mutual-tls',
  tlsClientAuthSanUri: 'tls_client_auth_san_uri; library/mutual-tls',
  pkceRequired: 'clients/code-binding',
  requirePushedAuthorizationRequests: 'require_pushed_authorization_requests',
  dpopBoundAccessTokens: 'dpop_bound_access_tokens',
  tlsClientCertificateBoundAccessTokens: 'tls_client_certificate_bound_access_tokens; lane/plain-request',
  requireSignedRequestObject: 'require_signed_request_object',
  profile: 'artefacts/fapi; artefacts/refresh-families',
  consent: 'interaction/consent',
  resourceServer: 'apis/apis, apis/api-tokens, artefacts/resources',
  allowedGroups: 'clients/access',
  requiredAcr: 'acr: what a sign-in for this client needs',
  accessTokenTtl: 'library/times-to-live, apis/api-tokens',
  idTokenTtl: 'library/times-to-live',
  refreshTokenTtl: 'clients/refresh-terms',
  accessTokenFormat: 'apis/api-tokens',
  accessTokenTtlLimit: 'apis/api-tokens',
  subjectType: 'subject_type',
  sectorIdentifierUri: 'sector_identifier_uri; clients/subjects, outbound/sector-documents',
  defaultMaxAge: 'default_max_age',
  requireAuthTime: 'require_auth_time',
  idTokenSignedResponseAlg: 'id_token_signed_response_alg',
  userinfoSignedResponseAlg: 'userinfo_signed_response_alg',
  userinfoEncryptedResponseAlg: 'library/overrides/encrypt-userinfo',
  userinfoEncryptedResponseEnc: 'library/overrides/encrypt-userinfo',
  // not told to the library, which would wait for every relying party in the request
  backchannelLogoutUri: 'back-channel',
  backchannelLogoutSessionRequired: 'library/logout-tokens',
  corsOrigins: 'library/configuration: clientBasedCORS',
  claims: 'claims: claimsFromGroups',
  clientUri: 'client_uri; clients/on-page',
  logoUri: 'logo_uri; clients/on-page',
  policyUri: 'policy_uri; clients/on-page',
  tosUri: 'tos_uri; clients/on-page',
  initiateLoginUri: 'initiate_login_uri; clients/on-page',
  contacts: 'contacts; admin/clients',
  accessTokenSignedResponseAlg: 'authorization_signed_response_alg; apis/api-tokens',
  pkceOrNonce: 'clients/code-binding',
  secretMethods: 'library/overrides/compare-secrets',
  identities: 'authentication/platform-token',
  platformTokenTtl: 'authentication/platform-proof',
  idTokenClaims: 'library/overrides/id-tokens',
  authorizationDetailsTypes: 'apis/apis: typesAt',
}

/** The default algorithms. */
export interface SigningDefaults {
  readonly idToken: SigningAlgorithm
  readonly accessToken: SigningAlgorithm
  /** Undefined: JSON. */
  readonly userinfo?: SigningAlgorithm | undefined
}

/** A redirect URI that leads to nobody: no such host can exist.
 *  Source: RFC 6761 section 6.4. */
const nowhere = 'https://no-redirect-uri.invalid/'

/** @returns the metadata, with every value set, so that no default of the library applies */
export function renderMetadata(
  config: ClientConfig,
  identity: Pick<ClientIdentity, 'clientId'>,
  defaults: SigningDefaults,
): ProviderMetadata {
  const usesCode = config.grantTypes.includes('authorization_code')
  // unknown to the library: a method with a secret that overrides/compare-secrets finds elsewhere
  const isFederated = config.tokenEndpointAuthMethod === federatedMethod
  const method = isFederated ? 'client_secret_post' : config.tokenEndpointAuthMethod
  const needsSecret = showsSecret(method)
  return withoutEmpty({
    client_id: identity.clientId,
    client_secret: needsSecret ? secretPlaceholder : undefined,
    client_name: config.clientName,
    application_type: config.type === 'Native' ? 'native' : 'web',
    // the library wants one of whoever uses codes, though those that follow routes come and go
    redirect_uris: usesCode && config.redirectUris.length === 0 ? [nowhere] : config.redirectUris.slice(),
    post_logout_redirect_uris: config.postLogoutRedirectUris.slice(),
    grant_types: config.grantTypes.slice(),
    response_types: usesCode ? ['code'] : [],
    response_modes: config.responseModes.length > 0 ? config.responseModes.slice() : undefined,
    // the library would refuse a request for one that the client does not list; apis/asked decides that
    scope: oidcScopes.join(' '),
    token_endpoint_auth_method: method,
    jwks_uri: config.jwksUri,
    jwks: config.jwks,
    tls_client_auth_subject_dn: config.tlsClientAuthSubjectDn,
    tls_client_auth_san_dns: config.tlsClientAuthSanDns,
    tls_client_auth_san_uri: config.tlsClientAuthSanUri,
    tls_client_certificate_bound_access_tokens: hasCertificateBoundTokens(config) || undefined,
    require_pushed_authorization_requests: config.requirePushedAuthorizationRequests,
    dpop_bound_access_tokens: config.dpopBoundAccessTokens,
    require_signed_request_object: config.requireSignedRequestObject,
    subject_type: config.subjectType || 'public',
    sector_identifier_uri: config.sectorIdentifierUri,
    default_max_age: config.defaultMaxAge,
    require_auth_time: config.requireAuthTime,
    id_token_signed_response_alg: config.idTokenSignedResponseAlg || defaults.idToken,
    userinfo_signed_response_alg: config.userinfoSignedResponseAlg || userinfoDefault(config, defaults),
    authorization_signed_response_alg: config.accessTokenSignedResponseAlg || defaults.accessToken,
    introspection_signed_response_alg: config.accessTokenSignedResponseAlg || defaults.accessToken,
    client_uri: config.clientUri,
    logo_uri: config.logoUri,
    policy_uri: config.policyUri,
    tos_uri: config.tosUri,
    initiate_login_uri: config.initiateLoginUri,
    contacts: config.contacts.length > 0 ? config.contacts.slice() : undefined,
  })
}

/** FAPI 2.0 forbids RS256, so such a client does not get that default. An encrypted answer is always signed: anybody can encrypt to a
 *  public key. */
function userinfoDefault(config: ClientConfig, { userinfo, idToken }: SigningDefaults): string | undefined {
  const isTaken = userinfo !== undefined && (config.profile !== 'FAPI2' || fapiAlgorithms.includes(userinfo))
  if (isTaken) return userinfo
  return userinfoEncryption(config) && (config.idTokenSignedResponseAlg || idToken)
}

/** @param needs.clientClass of the Provider whose rules apply now
 *  @returns the check of a client's new version */
export function createClientCheck(needs: {
  clientClass: () => ClientClass
  signing: SigningDefaults & { readonly algorithms: readonly string[] }
  /** Of the settings identityIssuers. */
  identityIssuers: readonly string[]
  /** What this server does with certificates of clients. */
  mutualTls: MutualTls | 'off'
}): CheckClient {
  return (config, identity) => {
    const { signing, identityIssuers, mutualTls } = needs
    const about = { hasSecret: identity.hasSecret, algorithms: signing.algorithms, identityIssuers, mutualTls }
    const faults = [...checkClient(config, about), ...wordFaults(config)]
    if (faults.length > 0) return faults
    const metadata = renderMetadata(config, identity, needs.signing)
    const fault = libraryFault(needs.clientClass(), metadata)
    return fault ? [fault] : []
  }
}

const hidden = new RegExp(`[${hiddenRanges}]`, 'u')

/** Checks the texts of an API that a consent page shows, in case the API server did not. */
function wordFaults({ resourceServer }: ClientConfig): readonly ClientFault[] {
  const { scopeTexts = [], authorizationDetails = [] } = resourceServer ?? {}
  const ofDetails = authorizationDetails.flatMap(({ title, texts }) => [
    title,
    ...texts.flatMap(({ words }) => words.map(({ text }) => text)),
  ])
  return (
    [
      ['resourceServer.scopes', scopeTexts.map(({ title }) => title), apiTextLength.title],
      ['resourceServer.scopes', scopeTexts.map(({ description }) => description), apiTextLength.description],
      ['resourceServer.authorizationDetails', ofDetails, declarationLimits.text],
    ] as const
  )
    .filter(([, texts, most]) => texts.some((text) => hidden.test(text) || Array.from(text).length > most))
    .map(([field, , most]) => invalid(field, `must have texts of at most ${most} characters, none of them hidden`))
}

/** Keys of the metadata with another name than their field. */
const otherKeys: ReadonlyMap<string | undefined, string> = new Map([
  ['scope', 'spec.scopes'],
  ['response_types', 'spec.grantTypes'],
  ['application_type', 'spec.type'],
  ['client_id', 'spec.clientId'],
])

/** @param key of the metadata, from a fault of the library
 *  @returns the path in the OIDCClient; `spec` when there is none */
export function fieldOfKey(key: string | undefined): string {
  const field = ClientConfigSchema.fields.find(({ name }) => name === key)
  return field ? `spec.${specPathOf(field)}` : (otherKeys.get(key) ?? 'spec')
}

/** Faults that only the library finds. */
function libraryFault(Client: ClientClass, metadata: ProviderMetadata): ClientFault | undefined {
  const fault = registrationFault(Client, metadata)
  if (fault === undefined) return undefined
  return { field: fieldOfKey(fault.key), code: 'CLIENT_METADATA_INVALID', message: fault.message }
}

function withoutEmpty(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''))
}
