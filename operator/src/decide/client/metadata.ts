// Renders an OIDCClient to a ClientConfig, field by field: oidc-provider ignores unknown keys silently, so nothing is passed through.
import { create } from '@bufbuild/protobuf'
import { ClientConfigSchema, ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { contentEncryptions } from '@nauthera/rules/algorithms'
import { federatedMethod, waysOf, wireMethod } from '@nauthera/rules/client-authentication'
import { meaningOf } from '@nauthera/rules/client-types'
import { wireGrant } from '@nauthera/rules/grants'
import { platformTokenLife } from '@nauthera/rules/identities'
import type { TokenLimits } from '@nauthera/rules/limits'
import { defaultResponseModes } from '@nauthera/rules/response-modes'
import { tenantOf } from '@nauthera/rules/tenants'
import type { Tenant } from '@nauthera/rules/tenants'
import { durationMs } from '../../api/duration.ts'
import { authMethodOf, corsOriginsOf, grantTypesOf, pkceOf, scopesOf } from '../../api/in-effect.ts'
import type { OIDCClient, OIDCClientSpec } from '../../api/oidc-client.ts'

const consentModes = {
  Explicit: ConsentMode.EXPLICIT,
  Remember: ConsentMode.REMEMBER,
  Skip: ConsentMode.SKIP,
} as const

const noLimits: TokenLimits = { platform: platformTokenLife.usual, access: 0 }

/** @param client with the defaults of policy applied (apply-defaults.ts)
 *  @param limits seconds, of its policies (tokenLimitsOf)
 *  @returns the client in the words of RFC 7591 with every default resolved
 *  Source: RFC 7591 section 2, OpenID Connect Registration 1.0 section 2. */
export function renderConfig(client: OIDCClient, limits: TokenLimits = noLimits): ClientConfig {
  const { spec, metadata } = client
  const { redirects } = meaningOf(spec.type)
  return create(ClientConfigSchema, {
    generation: BigInt(metadata.generation),
    type: spec.type,
    clientName: spec.displayName ?? spec.origin?.name ?? metadata.name,
    description: spec.description ?? '',
    suspended: spec.suspended ?? false,
    redirectUris: [...(spec.redirectURIs ?? [])],
    postLogoutRedirectUris: [...(spec.postLogoutRedirectURIs ?? [])],
    grantTypes: grantTypesOf(spec).map(wireGrant),
    responseModes: redirects ? [...(spec.responseModes ?? defaultResponseModes)] : [],
    scopes: [...scopesOf(spec)],
    audiences: [...(spec.audiences ?? [])],
    authorizationDetailsTypes: [...(spec.authorizationDetailsTypes ?? [])],
    ...authConfig(spec, tenantOf(metadata)),
    platformTokenTtl: authMethodOf(spec) === federatedMethod ? limits.platform : 0,
    pkceRequired: redirects && pkceOf(spec) !== 'Optional',
    pkceOrNonce: redirects && pkceOf(spec) === 'Auto',
    requirePushedAuthorizationRequests: spec.par ?? false,
    dpopBoundAccessTokens: spec.dpop ?? false,
    tlsClientCertificateBoundAccessTokens: spec.certificateBoundTokens ?? false,
    requireSignedRequestObject: spec.signedRequestObject ?? false,
    profile: spec.profile ?? 'Standard',
    consent: consentModes[spec.consent ?? 'Remember'],
    ...(spec.resourceServer
      ? {
          resourceServer: {
            identifier: spec.resourceServer.identifier,
            scopes: (spec.resourceServer.scopes ?? []).map(({ name }) => name),
            scopeTexts: (spec.resourceServer.scopes ?? []).flatMap(scopeTexts),
            authorizationDetails: (spec.resourceServer.authorizationDetails ?? []).map(detailsType),
            ...apiTokenConfig(spec.resourceServer),
          },
        }
      : {}),
    allowedGroups: [...(spec.access?.allowedGroups ?? [])],
    requiredAcr: [...(spec.access?.requiredAcr ?? [])],
    ...tokenConfig(spec),
    accessTokenTtlLimit: limits.access,
    subjectType: spec.subjectType ?? 'public',
    sectorIdentifierUri: spec.sectorIdentifierURI ?? '',
    ...(spec.defaultMaxAge === undefined ? {} : { defaultMaxAge: spec.defaultMaxAge }),
    requireAuthTime: spec.requireAuthTime ?? false,
    ...signingConfig(spec),
    ...encryptionConfig(spec),
    backchannelLogoutUri: spec.logout?.backchannelURI ?? '',
    backchannelLogoutSessionRequired: spec.logout?.sessionRequired ?? false,
    corsOrigins: [...corsOriginsOf(spec)],
    claims: claimsOf(spec),
    ...pagesConfig(spec),
    contacts: [...(spec.contacts ?? [])],
  })
}

const claimsOf = ({ claims = [] }: OIDCClientSpec) =>
  claims.map((claim) => ({
    name: claim.name,
    join: claim.join ?? 'Array',
    fromGroups: Object.entries(claim.fromGroups)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([group, values]) => ({ group, values: [...values] })),
  }))

const pagesConfig = ({ uris }: OIDCClientSpec) => ({
  clientUri: uris?.client ?? '',
  logoUri: uris?.logo ?? '',
  policyUri: uris?.policy ?? '',
  tosUri: uris?.tos ?? '',
  initiateLoginUri: uris?.initiateLogin ?? '',
})

type ApiScope = NonNullable<NonNullable<OIDCClientSpec['resourceServer']>['scopes']>[number]

/** The texts of the scope itself are English. */
const scopeTexts = ({ name: scope, title, description = '', texts = [] }: ApiScope) => [
  ...(title === undefined ? [] : [{ scope, language: 'en', title, description }]),
  ...texts.map((one) => ({ scope, language: one.language, title: one.title, description: one.description ?? '' })),
]

const apiTokenConfig = ({ tokens }: NonNullable<OIDCClientSpec['resourceServer']>) => ({
  accessTokenSignedResponseAlg: tokens?.signingAlg ?? '',
  accessTokenFormat: tokens?.format ?? '',
  accessTokenTtl: seconds(tokens?.accessTTL),
  tokenClaims: [...(tokens?.claims ?? [])],
})

const detailsType = (
  one: NonNullable<NonNullable<OIDCClientSpec['resourceServer']>['authorizationDetails']>[number],
) => ({
  type: one.type,
  title: one.title,
  actions: [...(one.actions ?? [])],
  datatypes: [...(one.datatypes ?? [])],
  privileges: [...(one.privileges ?? [])],
  locations: [...(one.locations ?? [])],
  identifier: one.identifier ?? false,
  fields: (one.fields ?? []).map(({ name, kind }) => ({ name, kind })),
  required: [...(one.required ?? [])],
  remember: one.remember ?? false,
  texts: (one.texts ?? []).map(({ language, words }) => ({
    language,
    words: Object.entries(words)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, text]) => ({ name, text })),
  })),
})

/** A ServiceAccount is one of the client's own cluster; without a namespace it is in the client's. */
const identitiesOf = (auth: OIDCClientSpec['auth'], { cluster, namespace: own }: Tenant) =>
  (auth?.identities ?? []).map(({ serviceAccount, issuer = '', subject = '' }) => {
    if (!serviceAccount) return { issuer, subject }
    const { name, namespace = own } = serviceAccount
    return cluster === undefined
      ? { serviceAccount: { name, namespace } }
      : { clusterServiceAccount: { cluster, name, namespace } }
  })

const authConfig = (spec: OIDCClientSpec, tenant: Tenant) => ({
  tokenEndpointAuthMethod: wireMethod(authMethodOf(spec)),
  secretMethods: [...waysOf(authMethodOf(spec))],
  jwksUri: spec.auth?.jwksURI ?? '',
  ...(spec.auth?.jwks ? { jwks: JSON.parse(JSON.stringify(spec.auth.jwks)) } : {}),
  identities: identitiesOf(spec.auth, tenant),
  tlsClientAuthSubjectDn: spec.auth?.tls?.subjectDN ?? '',
  tlsClientAuthSanDns: spec.auth?.tls?.sanDNS ?? '',
  tlsClientAuthSanUri: spec.auth?.tls?.sanURI ?? '',
})

/** FAPI 2.0 forbids RS256, so such a client does not get the server's default. */
function signingConfig({ signing, profile }: OIDCClientSpec) {
  const fallback = profile === 'FAPI2' ? 'ES256' : ''
  return {
    idTokenSignedResponseAlg: signing?.idToken ?? fallback,
    accessTokenSignedResponseAlg: signing?.accessToken ?? fallback,
    userinfoSignedResponseAlg: signing?.userinfo ?? '',
  }
}

/** The default of enc is there for objects that no API server has filled in. */
const encryptionConfig = ({ encryption }: OIDCClientSpec) => ({
  userinfoEncryptedResponseAlg: encryption?.userinfo?.alg ?? '',
  userinfoEncryptedResponseEnc: encryption?.userinfo ? (encryption.userinfo.enc ?? contentEncryptions[0]) : '',
})

const tokenConfig = ({ tokens, profile }: OIDCClientSpec) => ({
  accessTokenTtl: seconds(tokens?.accessTTL),
  idTokenTtl: seconds(tokens?.idTTL),
  refreshTokenTtl: seconds(tokens?.refreshTTL),
  accessTokenFormat: tokens?.format ?? '',
  idTokenClaims: tokens?.idClaims ?? (profile === 'FAPI2' ? 'Minimal' : 'Scopes'),
})

const seconds = (duration: string | undefined): number => Math.floor((durationMs(duration) ?? 0) / 1000)
