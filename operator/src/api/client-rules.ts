// What holds between the fields of an OIDCClient. Each rule stands in CEL, for the API server, and in TypeScript, for the
// operator, which must not depend on an old API server; its message says what to write instead.
import { fapiAlgorithms } from '@nauthera/rules/algorithms'
import { keyMethods, secretMethods, strongMethods } from '@nauthera/rules/client-authentication'
import { typesWhere } from '@nauthera/rules/client-types'
import { oidcScopes } from '@nauthera/rules/scopes'
import { clientSpecFields } from './oidc-client.ts'
import type { OIDCClientSpec } from './oidc-client.ts'
import { durationMs } from './duration.ts'
import { celList, celMatches, matches, patterns } from './patterns.ts'
import { rule, withRules } from './schema.ts'

type Spec = OIDCClientSpec
type UriField = 'redirectURIs' | 'postLogoutRedirectURIs'

const confidentialTypes: readonly string[] = typesWhere(({ method }) => method !== 'none')

/** The method in effect, in CEL and in TypeScript. */
const celMethod = `(has(self.auth) && has(self.auth.method) ? self.auth.method : self.type in ${celList(confidentialTypes)} ? 'client_secret_basic' : 'none')`
export function authMethodOf(spec: Pick<Spec, 'type' | 'auth'>): NonNullable<NonNullable<Spec['auth']>['method']> {
  return spec.auth?.method ?? (confidentialTypes.includes(spec.type) ? 'client_secret_basic' : 'none')
}

const celGrants = (names: readonly string[]) =>
  `has(self.grantTypes) && self.grantTypes.exists(g, g in ${celList(names)})`
const grants = (spec: Spec, ...names: string[]): boolean =>
  (spec.grantTypes ?? []).some((grant) => names.includes(grant))

const immutable = (field: 'type' | 'serverName' | 'clientId') =>
  rule<Spec>(
    `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
    'cannot be changed; delete this OIDCClient and create another',
    (self, old) => self[field] === old[field],
    { fieldPath: `.${field}`, transition: true },
  )

const everyUri = (
  field: UriField,
  pattern: string,
  message: string,
  when?: { cel: string; holds: (spec: Spec) => boolean },
) =>
  rule<Spec>(
    `${when ? `${when.cel} || ` : ''}!has(self.${field}) || self.${field}.all(u, ${celMatches('u', pattern)})`,
    message,
    (self) => when?.holds(self) || (self[field] ?? []).every((uri) => matches(uri, pattern)),
    { fieldPath: `.${field}` },
  )

const uriRules = (field: UriField) => [
  everyUri(field, patterns.secureUri, 'must be https, or http on localhost, 127.0.0.1 or [::1]', {
    cel: "self.type == 'Native'",
    holds: (spec) => spec.type === 'Native',
  }),
  everyUri(
    field,
    patterns.nativeUri,
    'must be https, http on localhost, 127.0.0.1 or [::1], or a scheme of your own such as com.example.app:/callback',
    { cel: "self.type != 'Native'", holds: (spec) => spec.type !== 'Native' },
  ),
  rule<Spec>(
    `self.type != 'Native' || !has(self.${field}) || !self.${field}.exists(u, ${celMatches('u', patterns.secureLoopback)})`,
    'must be http on localhost, 127.0.0.1 and [::1] for type Native: no certificate is for that host',
    (self) => self.type !== 'Native' || !(self[field] ?? []).some((uri) => matches(uri, patterns.secureLoopback)),
    { fieldPath: `.${field}` },
  ),
  everyUri(
    field,
    patterns.uriCharacters,
    'must be a whole URI without fragment (#), *, \\, space or quotes; encode them with %',
  ),
  everyUri(
    field,
    patterns.namedHost,
    'must name a host and at most a port from 0 to 65535, such as https://app.example.com/callback',
    undefined,
  ),
  rule<Spec>(
    `!has(self.${field}) || !self.${field}.exists(u, ${celMatches('u', patterns.userinfo)})`,
    'must have no user name before the host; remove what stands before the @',
    (self) => !(self[field] ?? []).some((uri) => matches(uri, patterns.userinfo)),
    { fieldPath: `.${field}` },
  ),
]

const methodIn = (spec: Spec, methods: readonly string[]): boolean => methods.includes(authMethodOf(spec))

const typeRules = [
  rule<Spec>(
    "!(self.type in ['M2M', 'Device']) || !has(self.redirectURIs) || size(self.redirectURIs) == 0",
    'must be empty for type M2M and Device, which send nobody back; remove it or choose type Web, SPA or Native',
    (self) => !['M2M', 'Device'].includes(self.type) || (self.redirectURIs ?? []).length === 0,
    { fieldPath: '.redirectURIs' },
  ),
  rule<Spec>(
    "self.type in ['M2M', 'Device'] || (has(self.redirectURIs) && size(self.redirectURIs) > 0)",
    'must have at least one URI for type Web, SPA and Native, such as https://app.example.com/callback',
    (self) => ['M2M', 'Device'].includes(self.type) || (self.redirectURIs ?? []).length > 0,
    { fieldPath: '.redirectURIs' },
  ),
  rule<Spec>(
    "!(self.type in ['M2M', 'Device']) || !has(self.postLogoutRedirectURIs) || size(self.postLogoutRedirectURIs) == 0",
    'must be empty for type M2M and Device, which nobody signs out of in a browser',
    (self) => !['M2M', 'Device'].includes(self.type) || (self.postLogoutRedirectURIs ?? []).length === 0,
    { fieldPath: '.postLogoutRedirectURIs' },
  ),
  rule<Spec>(
    `!(self.type in ['SPA', 'Native']) || ${celMethod} == 'none'`,
    'must be none for type SPA and Native, which can keep no secret; use type Web for a client with a back end',
    (self) => !['SPA', 'Native'].includes(self.type) || methodIn(self, ['none']),
    { fieldPath: '.auth.method' },
  ),
  rule<Spec>(
    `self.type != 'M2M' || ${celMethod} != 'none'`,
    'must not be none for type M2M, which has nothing but its own authentication',
    (self) => self.type !== 'M2M' || !methodIn(self, ['none']),
    { fieldPath: '.auth.method' },
  ),
  rule<Spec>(
    `self.type != 'M2M' || !has(self.grantTypes) || self.grantTypes.all(g, g == 'client_credentials')`,
    'must be client_credentials alone for type M2M; use type Web for people who sign in',
    (self) => self.type !== 'M2M' || (self.grantTypes ?? []).every((grant) => grant === 'client_credentials'),
    { fieldPath: '.grantTypes' },
  ),
  rule<Spec>(
    `!(${celGrants(['client_credentials'])}) || (self.type in ['Web', 'M2M'] && ${celMethod} != 'none')`,
    'must not have client_credentials unless the client is of type Web or M2M and authenticates itself',
    (self) => !grants(self, 'client_credentials') || (['Web', 'M2M'].includes(self.type) && !methodIn(self, ['none'])),
    { fieldPath: '.grantTypes' },
  ),
  rule<Spec>(
    `!(${celGrants(['authorization_code'])}) || self.type in ['Web', 'SPA', 'Native']`,
    'must not have authorization_code for type M2M and Device, which have no redirect URI',
    (self) => !grants(self, 'authorization_code') || ['Web', 'SPA', 'Native'].includes(self.type),
    { fieldPath: '.grantTypes' },
  ),
  rule<Spec>(
    `!(${celGrants(['device_code'])}) || self.type in ['Native', 'Device']`,
    'must not have device_code unless the type is Native or Device',
    (self) => !grants(self, 'device_code') || ['Native', 'Device'].includes(self.type),
    { fieldPath: '.grantTypes' },
  ),
  rule<Spec>(
    `!(${celGrants(['refresh_token'])}) || ${celGrants(['authorization_code', 'device_code'])}`,
    'must have authorization_code or device_code beside refresh_token',
    (self) => !grants(self, 'refresh_token') || grants(self, 'authorization_code', 'device_code'),
    { fieldPath: '.grantTypes' },
  ),
  rule<Spec>(
    "!has(self.responseModes) || self.type in ['Web', 'SPA', 'Native']",
    'must be absent for type M2M and Device, which get no authorization response',
    (self) => !self.responseModes || ['Web', 'SPA', 'Native'].includes(self.type),
    { fieldPath: '.responseModes' },
  ),
]

const scopeRules = [
  rule<Spec>(
    `self.type != 'M2M' || !has(self.scopes) || !self.scopes.exists(s, s in ${celList(oidcScopes)})`,
    'must not have scopes of a person (openid, profile, email, address, phone, groups, offline_access) for type M2M',
    (self) => self.type !== 'M2M' || !(self.scopes ?? []).some((scope) => oidcScopes.includes(scope)),
    { fieldPath: '.scopes' },
  ),
  rule<Spec>(
    `!has(self.scopes) || !('offline_access' in self.scopes) || !has(self.grantTypes) || 'refresh_token' in self.grantTypes`,
    'must not have offline_access without refresh_token in grantTypes; add it there or leave grantTypes out',
    (self) => !self.scopes?.includes('offline_access') || !self.grantTypes || self.grantTypes.includes('refresh_token'),
    { fieldPath: '.scopes' },
  ),
  rule<Spec>(
    '!has(self.resourceServer) || !has(self.resourceServer.scopes) || !self.resourceServer.scopes.exists(s, s in ' +
      celList(oidcScopes) +
      ')',
    'must not have scopes of OpenID Connect (openid, profile, email, address, phone, groups, offline_access); name scopes of the API',
    (self) => !(self.resourceServer?.scopes ?? []).some((scope) => oidcScopes.includes(scope)),
    { fieldPath: '.resourceServer.scopes' },
  ),
]

const authRules = [
  rule<Spec>(
    `!(${celMethod} in ${celList(keyMethods)}) || (has(self.auth.jwksURI) != has(self.auth.jwks))`,
    'must have exactly one of jwksURI and jwks with private_key_jwt and self_signed_tls_client_auth',
    (self) => !methodIn(self, keyMethods) || (self.auth?.jwksURI !== undefined) !== (self.auth?.jwks !== undefined),
    { fieldPath: '.auth' },
  ),
  rule<Spec>(
    `!has(self.auth) || !(has(self.auth.jwksURI) && has(self.auth.jwks))`,
    'must have jwksURI or jwks, not both',
    (self) => !(self.auth?.jwksURI !== undefined && self.auth.jwks !== undefined),
    { fieldPath: '.auth' },
  ),
  rule<Spec>(
    `${celMethod} != 'tls_client_auth' || (has(self.auth.tls) && [has(self.auth.tls.subjectDN), has(self.auth.tls.sanDNS), has(self.auth.tls.sanURI)].filter(x, x).size() == 1)`,
    'must have exactly one of subjectDN, sanDNS and sanURI with tls_client_auth',
    (self) =>
      !methodIn(self, ['tls_client_auth']) ||
      [self.auth?.tls?.subjectDN, self.auth?.tls?.sanDNS, self.auth?.tls?.sanURI].filter((one) => one !== undefined)
        .length === 1,
    { fieldPath: '.auth.tls' },
  ),
  rule<Spec>(
    `!has(self.auth) || !has(self.auth.tls) || ${celMethod} == 'tls_client_auth'`,
    'must be absent unless auth.method is tls_client_auth',
    (self) => !self.auth?.tls || methodIn(self, ['tls_client_auth']),
    { fieldPath: '.auth.tls' },
  ),
  rule<Spec>(
    `!has(self.pkce) || self.pkce == 'Required' || ${celMethod} != 'none'`,
    'must be Required for a client without authentication',
    (self) => self.pkce !== 'Optional' || !methodIn(self, ['none']),
    { fieldPath: '.pkce' },
  ),
  rule<Spec>(
    `!has(self.signedRequestObject) || !self.signedRequestObject || (has(self.auth) && (has(self.auth.jwksURI) || has(self.auth.jwks)))`,
    'must have auth.jwksURI or auth.jwks beside it: the keys that verify the requests',
    (self) => !self.signedRequestObject || self.auth?.jwksURI !== undefined || self.auth?.jwks !== undefined,
    { fieldPath: '.signedRequestObject' },
  ),
]

const fapi = (cel: string, message: string, holds: (self: Spec) => boolean, fieldPath: string) =>
  rule<Spec>(
    `!has(self.profile) || self.profile != 'FAPI2' || ${cel}`,
    message,
    (self) => self.profile !== 'FAPI2' || holds(self),
    {
      fieldPath,
    },
  )

const fapiRules = [
  fapi(
    `${celMethod} in ${celList(strongMethods)}`,
    'must be private_key_jwt, tls_client_auth or self_signed_tls_client_auth with profile FAPI2',
    (self) => methodIn(self, strongMethods),
    '.auth.method',
  ),
  fapi('has(self.par) && self.par', 'must be true with profile FAPI2', (self) => self.par === true, '.par'),
  fapi(
    `((has(self.dpop) && self.dpop) || ${celMethod} in ['tls_client_auth', 'self_signed_tls_client_auth'])`,
    'must be true with profile FAPI2, unless auth.method binds tokens to a certificate',
    (self) => self.dpop === true || methodIn(self, ['tls_client_auth', 'self_signed_tls_client_auth']),
    '.dpop',
  ),
  fapi(
    `(!has(self.signing) || !has(self.signing.idToken) || self.signing.idToken in ${celList(fapiAlgorithms)})`,
    'must be ES256, PS256 or EdDSA with profile FAPI2',
    (self) => self.signing?.idToken === undefined || fapiAlgorithms.includes(self.signing.idToken),
    '.signing.idToken',
  ),
]

const secretRules = [
  rule<Spec>(
    `!has(self.rotation) || ${celMethod} in ${celList(secretMethods)}`,
    'must be absent for a client without a secret; remove it or choose client_secret_basic or client_secret_post',
    (self) => !self.rotation || methodIn(self, secretMethods),
    { fieldPath: '.rotation' },
  ),
  rule<Spec>(
    `!has(self.secret) || !has(self.secret.existingSecretRef) || ${celMethod} in ${celList(secretMethods)}`,
    'must be absent for a client without a secret; remove it or choose client_secret_basic or client_secret_post',
    (self) => !self.secret?.existingSecretRef || methodIn(self, secretMethods),
    { fieldPath: '.secret.existingSecretRef' },
  ),
  rule<Spec>(
    '!has(self.secret) || !has(self.secret.existingSecretRef) || !has(self.rotation)',
    'must be absent with secret.existingSecretRef: you rotate that one by changing its Secret',
    (self) => !self.secret?.existingSecretRef || !self.rotation,
    { fieldPath: '.rotation' },
  ),
  rule<Spec>(
    `!has(self.rotation) || !has(self.rotation.overlap) || !has(self.rotation.interval) || !${celMatches('self.rotation.overlap', patterns.duration)} || !${celMatches('self.rotation.interval', patterns.duration)} || size(self.rotation.overlap) == 0 || size(self.rotation.interval) == 0 || duration(self.rotation.overlap) <= duration(self.rotation.interval)`,
    'must not be longer than rotation.interval',
    (self) => {
      const overlap = self.rotation?.overlap && durationMs(self.rotation.overlap)
      const interval = self.rotation?.interval && durationMs(self.rotation.interval)
      return !overlap || !interval || overlap <= interval
    },
    { fieldPath: '.rotation.overlap' },
  ),
  rule<Spec>(
    '!has(self.rotation) || !has(self.rotation.window) || has(self.rotation.interval)',
    'must have rotation.interval beside it: a window says when, an interval how often',
    (self) => !self.rotation?.window || self.rotation.interval !== undefined,
    { fieldPath: '.rotation.window' },
  ),
]

const httpsHostOf = (uri: string): string | undefined => /^https:\/\/([^/?]+)/.exec(uri)?.[1]
const moreRules = [
  rule<Spec>(
    "!has(self.subjectType) || self.subjectType != 'pairwise' || has(self.sectorIdentifierURI) || !has(self.redirectURIs) || self.redirectURIs.all(u, u.startsWith('https://') && u.split('/', 4)[2] == self.redirectURIs[0].split('/', 4)[2])",
    'must be set for pairwise subjects, unless all redirectURIs are on one https host',
    (self) => {
      if (self.subjectType !== 'pairwise' || self.sectorIdentifierURI !== undefined) return true
      const hosts = (self.redirectURIs ?? []).map(httpsHostOf)
      return !hosts.includes(undefined) && new Set(hosts).size <= 1
    },
    { fieldPath: '.sectorIdentifierURI' },
  ),
  rule<Spec>(
    "!has(self.sectorIdentifierURI) || (has(self.subjectType) && self.subjectType == 'pairwise')",
    'must be absent unless subjectType is pairwise',
    (self) => self.sectorIdentifierURI === undefined || self.subjectType === 'pairwise',
    { fieldPath: '.sectorIdentifierURI' },
  ),
  rule<Spec>(
    '!has(self.logout) || !has(self.logout.sessionRequired) || !self.logout.sessionRequired || has(self.logout.backchannelURI)',
    'must have logout.backchannelURI beside it',
    (self) => !self.logout?.sessionRequired || self.logout.backchannelURI !== undefined,
    { fieldPath: '.logout.sessionRequired' },
  ),
]

/** The spec of an OIDCClient: fields and rules. */
export const clientSpec = withRules<Spec>(
  clientSpecFields,
  immutable('type'),
  immutable('serverName'),
  immutable('clientId'),
  ...typeRules,
  ...uriRules('redirectURIs'),
  ...uriRules('postLogoutRedirectURIs'),
  ...scopeRules,
  ...authRules,
  ...fapiRules,
  ...secretRules,
  ...moreRules,
)
