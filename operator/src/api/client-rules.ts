// What holds between the fields of an OIDCClient. A message says what to write instead.
import { fapiAlgorithms } from '@nauthera/rules/algorithms'
import {
  federatedMethod,
  keyMethods,
  secretMethods,
  showsSecret,
  strongMethods,
  tlsMethods,
} from '@nauthera/rules/client-authentication'
import type { AuthMethod } from '@nauthera/rules/client-authentication'
import { needsPkce } from '@nauthera/rules/check-client'
import { noKeys } from '@nauthera/rules/encryption'
import { fapiWants } from '@nauthera/rules/fapi'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { typesWhere } from '@nauthera/rules/client-types'
import { oidcScopes } from '@nauthera/rules/scopes'
import { pairwiseWants } from '@nauthera/rules/subjects'
import { clientSpecFields } from './oidc-client.ts'
import type { OIDCClientSpec, PkceMode } from './oidc-client.ts'
import { celList, celMatches, patterns } from './patterns.ts'
import { withRules } from './schema.ts'
import type { Rule } from './schema.ts'

const secretTypes: readonly string[] = typesWhere(({ method }) => showsSecret(method))

/** @param spec its type may still be a word that nobody knows
 *  @returns the method in effect */
export const authMethodOf = (spec: Pick<OIDCClientSpec, 'type' | 'auth'>): AuthMethod =>
  spec.auth?.method ?? (secretTypes.includes(spec.type) ? 'client_secret' : 'none')

/** @returns the mode in effect */
export const pkceOf = (spec: Pick<OIDCClientSpec, 'type' | 'auth' | 'pkce' | 'profile'>): PkceMode =>
  spec.pkce ?? (spec.type === 'Web' && spec.profile !== 'FAPI2' && authMethodOf(spec) !== 'none' ? 'Auto' : 'Required')

/** authMethodOf in CEL. */
const method = `(has(self.auth) && has(self.auth.method) ? self.auth.method : self.type in ${celList(secretTypes)} ? 'client_secret' : 'none')`

/** @param field the path below spec at which the fault is shown */
const rule = (field: string, cel: string, message: string): Rule => ({ rule: cel, message, fieldPath: `.${field}` })

const grants = (...names: readonly string[]) =>
  `has(self.grantTypes) && self.grantTypes.exists(g, g in ${celList(names)})`

const immutable = (field: 'type' | 'serverName' | 'clientId') =>
  rule(
    field,
    `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
    'cannot be changed; delete this OIDCClient and create another',
  )

function uriRules(field: 'redirectURIs' | 'postLogoutRedirectURIs'): readonly Rule[] {
  const every = (pattern: string) => `!has(self.${field}) || self.${field}.all(u, ${celMatches('u', pattern)})`
  const none = (pattern: string) => `!has(self.${field}) || !self.${field}.exists(u, ${celMatches('u', pattern)})`
  return [
    rule(
      field,
      `self.type == 'Native' || ${every(patterns.secureUri)}`,
      'must be https, or http on localhost, 127.0.0.1 or [::1]',
    ),
    rule(
      field,
      `self.type != 'Native' || ${every(patterns.nativeUri)}`,
      'must be https, http on localhost, 127.0.0.1 or [::1], or a scheme of your own such as com.example.app:/callback',
    ),
    rule(
      field,
      `self.type != 'Native' || ${none(patterns.secureLoopback)}`,
      'must be http, not https, on localhost, 127.0.0.1 and [::1] for type Native: there is no certificate for those',
    ),
    rule(
      field,
      every(patterns.uriCharacters),
      'must be a whole URI without fragment (#), *, \\, space or quotes; encode them with %',
    ),
    rule(
      field,
      every(patterns.namedHost),
      'must name a host and at most a port from 0 to 65535, such as https://app.example.com/callback',
    ),
    rule(field, none(patterns.userinfo), 'must have no user name before the host; remove what stands before the @'),
  ]
}

const typeRules = [
  rule(
    'redirectURIs',
    "!(self.type in ['M2M', 'Device']) || !has(self.redirectURIs) || size(self.redirectURIs) == 0",
    'must be empty for type M2M and Device, which send nobody back; remove it or choose type Web, SPA or Native',
  ),
  rule(
    'redirectURIs',
    "self.type in ['M2M', 'Device'] || (has(self.redirectURIs) && size(self.redirectURIs) > 0)",
    'must have at least one URI for type Web, SPA and Native, such as https://app.example.com/callback',
  ),
  rule(
    'postLogoutRedirectURIs',
    "!(self.type in ['M2M', 'Device']) || !has(self.postLogoutRedirectURIs) || size(self.postLogoutRedirectURIs) == 0",
    'must be empty for type M2M and Device, which have no sign-out in a browser; remove it',
  ),
  rule(
    'auth.method',
    `!(self.type in ['SPA', 'Native']) || ${method} == 'none'`,
    'must be none for type SPA and Native, which can keep no secret; use type Web for a client with a back end',
  ),
  rule(
    'auth.method',
    `self.type != 'M2M' || ${method} != 'none'`,
    'must not be none for type M2M; leave it out or choose client_secret or private_key_jwt',
  ),
  rule(
    'grantTypes',
    `self.type != 'M2M' || !has(self.grantTypes) || self.grantTypes.all(g, g in ['client_credentials', 'token_exchange'])`,
    'must be client_credentials and token_exchange alone for type M2M; use type Web for people who sign in',
  ),
  rule(
    'grantTypes',
    `!(${grants('client_credentials')}) || (self.type in ['Web', 'M2M'] && ${method} != 'none')`,
    'must not have client_credentials unless the client is of type Web or M2M and authenticates itself',
  ),
  rule(
    'grantTypes',
    `!(${grants('authorization_code')}) || self.type in ['Web', 'SPA', 'Native']`,
    'must not have authorization_code for type M2M and Device, which have no redirect URI',
  ),
  rule(
    'grantTypes',
    `!(${grants('device_code')}) || self.type in ['Native', 'Device']`,
    'must not have device_code unless the type is Native or Device',
  ),
  rule(
    'grantTypes',
    `!(${grants('token_exchange')}) || (self.type in ['Web', 'M2M'] && ${method} != 'none' && has(self.resourceServer))`,
    'must not have token_exchange unless the client is of type Web or M2M, authenticates itself and has resourceServer: only an API exchanges the tokens that it received',
  ),
  rule(
    'grantTypes',
    `!(${grants('refresh_token')}) || ${grants('authorization_code', 'device_code')}`,
    'must have authorization_code or device_code as well as refresh_token',
  ),
  rule(
    'responseModes',
    "!has(self.responseModes) || self.type in ['Web', 'SPA', 'Native']",
    'must be absent for type M2M and Device, which get no authorization response; remove it',
  ),
]

const scopeRules = [
  rule(
    'scopes',
    `self.type != 'M2M' || !has(self.scopes) || !self.scopes.exists(s, s in ${celList(oidcScopes)})`,
    'must not have scopes of a person (openid, profile, email, address, phone, groups, offline_access) for type M2M',
  ),
  rule(
    'scopes',
    `!has(self.scopes) || !('offline_access' in self.scopes) || !has(self.grantTypes) || 'refresh_token' in self.grantTypes`,
    'must not have offline_access without refresh_token in grantTypes; add it there or leave grantTypes out',
  ),
  rule(
    'resourceServer.scopes',
    `!has(self.resourceServer) || !has(self.resourceServer.scopes) || !self.resourceServer.scopes.exists(s, s in ${celList(oidcScopes)})`,
    'must not have scopes of OpenID Connect (openid, profile, email, address, phone, groups, offline_access); name scopes of the API',
  ),
  rule(
    'resourceServer.access',
    `!has(self.resourceServer) || !has(self.resourceServer.access) || self.resourceServer.access.all(a, !has(a.scopes) || (has(self.resourceServer.scopes) && a.scopes.all(s, s in self.resourceServer.scopes)))`,
    'must have only scopes that are in resourceServer.scopes; add them there, or correct them here',
  ),
  rule(
    'resourceServer.access',
    `!has(self.resourceServer) || !has(self.resourceServer.access) || self.resourceServer.access.all(a, !has(a.authorizationDetailsTypes) || (has(self.resourceServer.authorizationDetails) && a.authorizationDetailsTypes.all(t, self.resourceServer.authorizationDetails.exists(d, d.type == t))))`,
    'must have only authorizationDetailsTypes that are in resourceServer.authorizationDetails; add them there, or correct them here',
  ),
]

const authRules = [
  rule(
    'auth',
    `!(${method} in ${celList(keyMethods)}) || (has(self.auth.jwksURI) != has(self.auth.jwks))`,
    'must have exactly one of jwksURI and jwks with private_key_jwt and self_signed_tls_client_auth',
  ),
  rule(
    'auth',
    `!has(self.auth) || !(has(self.auth.jwksURI) && has(self.auth.jwks))`,
    'must have jwksURI or jwks, not both',
  ),
  rule(
    'auth.tls',
    `${method} != 'tls_client_auth' || (has(self.auth.tls) && [has(self.auth.tls.subjectDN), has(self.auth.tls.sanDNS), has(self.auth.tls.sanURI)].filter(x, x).size() == 1)`,
    'must have exactly one of subjectDN, sanDNS and sanURI with tls_client_auth',
  ),
  rule(
    'auth.tls',
    `!has(self.auth) || !has(self.auth.tls) || ${method} == 'tls_client_auth'`,
    'must be absent unless auth.method is tls_client_auth; remove it',
  ),
  rule(
    'auth.identities',
    `${method} != '${federatedMethod}' || has(self.auth.identities)`,
    'must be set with auth.method federated_jwt, such as [{serviceAccount: {name: worker}}]',
  ),
  rule(
    'auth.identities',
    `!has(self.auth) || !has(self.auth.identities) || ${method} == '${federatedMethod}'`,
    'must be absent unless auth.method is federated_jwt; remove it',
  ),
  rule(
    'auth.method',
    `${method} != '${federatedMethod}' || self.type in ['Web', 'M2M']`,
    'must not be federated_jwt unless the type is Web or M2M',
  ),
  rule('pkce', `!has(self.pkce) || self.pkce == 'Required' || ${method} != 'none'`, needsPkce),
  rule(
    'signedRequestObject',
    `!has(self.signedRequestObject) || !self.signedRequestObject || (has(self.auth) && (has(self.auth.jwksURI) || has(self.auth.jwks)))`,
    'must have auth.jwksURI or auth.jwks as well: the keys that verify the requests',
  ),
  rule(
    'encryption.userinfo',
    '!has(self.encryption) || !has(self.encryption.userinfo) || (has(self.auth) && (has(self.auth.jwksURI) || has(self.auth.jwks)))',
    noKeys,
  ),
]

const fapi = (field: string, cel: string, message: string) =>
  rule(field, `!has(self.profile) || self.profile != 'FAPI2' || ${cel}`, message)

const fapiRules = [
  fapi('auth.method', `${method} in ${celList(strongMethods)}`, fapiWants.method),
  fapi('par', 'has(self.par) && self.par', fapiWants.par),
  fapi('dpop', `((has(self.dpop) && self.dpop) || ${method} in ${celList(tlsMethods)})`, fapiWants.dpop),
  ...(['idToken', 'accessToken', 'userinfo'] as const).map((field) =>
    fapi(
      `signing.${field}`,
      `(!has(self.signing) || !has(self.signing.${field}) || self.signing.${field} in ${celList(fapiAlgorithms)})`,
      fapiWants.algorithm,
    ),
  ),
  fapi(
    'redirectURIs',
    "(self.type == 'Native' || !has(self.redirectURIs) || self.redirectURIs.all(u, u.startsWith('https:')))",
    fapiWants.redirect,
  ),
  fapi('pkce', "(!has(self.pkce) || self.pkce == 'Required')", fapiWants.pkce),
  fapi(
    'tokens.idClaims',
    "(!has(self.tokens) || !has(self.tokens.idClaims) || self.tokens.idClaims == 'Minimal')",
    fapiWants.idClaims,
  ),
]

const noSecret = 'must be absent for a client without a secret; remove it or choose client_secret'

/** duration() of anything but a duration is an error in CEL; the fault is then that of the field itself. */
const isDuration = (field: string) => celMatches(field, patterns.duration)

const secretRules = [
  rule('rotation', `!has(self.rotation) || ${method} in ${celList([...secretMethods, federatedMethod])}`, noSecret),
  ...(['interval', 'window', 'trigger'] as const).map((field) =>
    rule(
      `rotation.${field}`,
      `${method} != '${federatedMethod}' || !has(self.rotation) || !has(self.rotation.${field})`,
      'must be absent with auth.method federated_jwt, which has no secret to rotate; remove it',
    ),
  ),
  rule(
    'secret.existingSecretRef',
    `!has(self.secret) || !has(self.secret.existingSecretRef) || ${method} in ${celList(secretMethods)}`,
    noSecret,
  ),
  ...(['interval', 'window', 'trigger'] as const).map((field) =>
    rule(
      `rotation.${field}`,
      `!has(self.secret) || !has(self.secret.existingSecretRef) || !has(self.rotation) || !has(self.rotation.${field})`,
      'must be absent with secret.existingSecretRef: you rotate that secret yourself, in its Secret; remove it',
    ),
  ),
  rule(
    'rotation.overlap',
    `!has(self.rotation) || !has(self.rotation.overlap) || !has(self.rotation.interval) || !${isDuration('self.rotation.overlap')} || !${isDuration('self.rotation.interval')} || size(self.rotation.overlap) == 0 || size(self.rotation.interval) == 0 || duration(self.rotation.overlap) <= duration(self.rotation.interval)`,
    'must not be longer than rotation.interval; make it shorter',
  ),
  rule(
    'rotation.window',
    '!has(self.rotation) || !has(self.rotation.window) || has(self.rotation.interval)',
    'must have rotation.interval as well: the window says when, the interval how often',
  ),
]

const presetRules = [
  rule(
    'signing.idToken',
    "!has(self.secret) || !has(self.secret.presets) || !('KubeAPIServer' in self.secret.presets) || !has(self.signing) || !has(self.signing.idToken) || self.signing.idToken != 'EdDSA'",
    'must not be EdDSA with the preset KubeAPIServer: Kubernetes takes no token that is signed so; remove it or choose RS256 or ES256',
  ),
]

const bytesOf = (field: 'redirectURIs' | 'postLogoutRedirectURIs') =>
  `(has(self.${field}) ? size(self.${field}.join('')) : 0)`

/** The longest of what is told to servers. The operator measures all of it, and when it is this much, it does not ask these rules. */
const sizeRule: Rule = {
  rule: `${bytesOf('redirectURIs')} + ${bytesOf('postLogoutRedirectURIs')} <= ${maxVersionBytes}`,
  message: `must take at most ${maxVersionBytes / 1024} KiB; shorten redirectURIs and postLogoutRedirectURIs, or make two clients of it`,
}

const moreRules = [
  rule(
    'sectorIdentifierURI',
    "!has(self.subjectType) || self.subjectType != 'pairwise' || has(self.sectorIdentifierURI) || !has(self.redirectURIs) || self.redirectURIs.all(u, u.startsWith('https://') && u.split('/', 4)[2] == self.redirectURIs[0].split('/', 4)[2])",
    pairwiseWants.sector,
  ),
  rule(
    'sectorIdentifierURI',
    "!has(self.sectorIdentifierURI) || (has(self.subjectType) && self.subjectType == 'pairwise')",
    pairwiseWants.noSector,
  ),
  rule(
    'subjectType',
    "!has(self.subjectType) || self.subjectType != 'pairwise' || self.type != 'M2M'",
    pairwiseWants.people,
  ),
  rule(
    'grantTypes',
    `!has(self.subjectType) || self.subjectType != 'pairwise' || (has(self.grantTypes) ? !('device_code' in self.grantTypes) : self.type != 'Device') || (${method} == 'private_key_jwt' && has(self.auth) && has(self.auth.jwksURI))`,
    pairwiseWants.devices,
  ),
  rule(
    'logout.sessionRequired',
    '!has(self.logout) || !has(self.logout.sessionRequired) || !self.logout.sessionRequired || has(self.logout.backchannelURI)',
    'must have logout.backchannelURI as well',
  ),
]

/** The spec of an OIDCClient: fields and rules. */
export const clientSpec = withRules(
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
  ...presetRules,
  ...moreRules,
  sizeRule,
)
