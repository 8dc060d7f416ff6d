// CEL rules between the fields of an OIDCClient. Each message says what to write instead.
import { fapiAlgorithms } from '@nauthera/rules/algorithms'
import { federatedMethod, keyMethods, strongMethods, tlsMethods } from '@nauthera/rules/client-authentication'
import { needsPkce, unknownApiClaim } from '@nauthera/rules/check-client'
import { noKeys } from '@nauthera/rules/encryption'
import { boundTwice } from '@nauthera/rules/certificates'
import { apiClaims } from '@nauthera/rules/claims'
import { fapiWants } from '@nauthera/rules/fapi'
import { grantTypes, ruleOfGrant } from '@nauthera/rules/grants'
import type { GrantType } from '@nauthera/rules/grants'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { oidcScopes } from '@nauthera/rules/scopes'
import { pairwiseWants } from '@nauthera/rules/subjects'
import { secretRules } from './client-secret-rules.ts'
import { authMethodInCel } from './in-effect.ts'
import { clientSpecFields } from './oidc-client.ts'
import { patterns } from './patterns.ts'
import { celList, celMatches } from './cel-text.ts'
import { absent, createAnother, ofEach, rulesOf } from './rule-kinds.ts'
import { withRules } from './schema.ts'
import type { CelRule } from './schema.ts'

const method = authMethodInCel('self')

const grants = (...names: readonly string[]) =>
  `has(self.grantTypes) && self.grantTypes.exists(g, g in ${celList(names)})`

const inWords = (words: readonly string[], type: 'conjunction' | 'disjunction') =>
  new Intl.ListFormat('en-GB', { type }).format(words)

/** Which clients may have a grant. */
function grantRule(grant: GrantType): [message: string, rule: string] {
  const { types, isProven = false, isOfApi = false } = ruleOfGrant(grant)
  const wants: readonly [words: string, rule: string, isWanted: boolean][] = [
    [`is of type ${inWords(types, 'disjunction')}`, `self.type in ${celList(types)}`, true],
    ['authenticates itself', `${method} != 'none'`, isProven],
    ['has resourceServer', 'has(self.resourceServer)', isOfApi],
  ]
  const wanted = wants.filter(([, , isWanted]) => isWanted)
  const words = inWords(
    wanted.map(([said]) => said),
    'conjunction',
  )
  return [
    `must not have ${grant} unless the client ${words}`,
    `!(${grants(grant)}) || (${wanted.map(([, rule]) => rule).join(' && ')})`,
  ]
}

// prettier-ignore
const fixedRules = rulesOf(
  ofEach(['type', 'serverName', 'clientId'], (field) => ({
    [`cannot be changed; ${createAnother}`]:
      `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
  })),
)

/** What it says is fixed by the rules of its fields; its labels may change. */
// prettier-ignore
const originRules = rulesOf({
  origin: { [`cannot be added or removed; ${createAnother}`]: 'has(self.origin) == has(oldSelf.origin)' },
  restraint: {
    'must be absent outside of a mirror; set suspended, access or rotation.revokePrevious instead':
      '!has(self.restraint) || has(self.origin)',
  },
})

function uriRules(field: 'redirectURIs' | 'postLogoutRedirectURIs'): readonly CelRule[] {
  const every = (pattern: string) => `!has(self.${field}) || self.${field}.all(u, ${celMatches('u', pattern)})`
  const none = (pattern: string) => `!has(self.${field}) || !self.${field}.exists(u, ${celMatches('u', pattern)})`
  // prettier-ignore
  return rulesOf({
    [field]: {
      'must be https, or http on localhost, 127.0.0.1 or [::1]':
        `self.type == 'Native' || ${every(patterns.secureUri)}`,
      'must be https, http on localhost, 127.0.0.1 or [::1], or a scheme of your own such as com.example.app:/callback':
        `self.type != 'Native' || ${every(patterns.nativeUri)}`,
      'must be http, not https, on localhost, 127.0.0.1 and [::1] for type Native: there is no certificate for those':
        `self.type != 'Native' || ${none(patterns.secureLoopback)}`,
    },
  })
}

// prettier-ignore
const typeRules = rulesOf({
  redirectURIs: {
    'must be empty for type M2M and Device, which send nobody back; remove it or choose type Web, SPA or Native':
      "!(self.type in ['M2M', 'Device']) || !has(self.redirectURIs) || size(self.redirectURIs) == 0",
    'must have at least one URI for type Web, SPA and Native, such as https://app.example.com/callback':
      "self.type in ['M2M', 'Device'] || (has(self.redirectURIs) && size(self.redirectURIs) > 0) || (has(self.redirectURIsFrom) && size(self.redirectURIsFrom) > 0) || has(self.origin)",
  },
  redirectURIsFrom: {
    'must be absent in a mirror, to which its own cluster sends the URIs; remove it':
      '!has(self.redirectURIsFrom) || !has(self.origin)',
    'must be absent for type M2M and Device, which send nobody back; remove it':
      "!(self.type in ['M2M', 'Device']) || !has(self.redirectURIsFrom)",
    'must be absent with subjectType pairwise, whose sector lists every redirect URI; list them in redirectURIs':
      "!has(self.redirectURIsFrom) || !has(self.subjectType) || self.subjectType != 'pairwise'",
  },
  postLogoutRedirectURIs: {
    'must be empty for type M2M and Device, which have no sign-out in a browser; remove it':
      "!(self.type in ['M2M', 'Device']) || !has(self.postLogoutRedirectURIs) || size(self.postLogoutRedirectURIs) == 0",
  },
  'auth.method': {
    'must be none for type SPA and Native, which can keep no secret; use type Web for a client with a back end':
      `!(self.type in ['SPA', 'Native']) || ${method} == 'none'`,
    'must not be none for type M2M; leave it out or choose client_secret or private_key_jwt':
      `self.type != 'M2M' || ${method} != 'none'`,
  },
  grantTypes: {
    ...Object.fromEntries(grantTypes.map(grantRule)),
    'must have authorization_code or device_code as well as refresh_token':
      `!(${grants('refresh_token')}) || ${grants('authorization_code', 'device_code')}`,
  },
  responseModes: {
    'must be absent for type M2M and Device, which get no authorization response; remove it':
      "!has(self.responseModes) || self.type in ['Web', 'SPA', 'Native']",
  },
})

// prettier-ignore
const scopeRules = rulesOf({
  scopes: {
    'must not have scopes of a person (openid, profile, email, address, phone, groups, offline_access) for type M2M':
      `self.type != 'M2M' || !has(self.scopes) || !self.scopes.exists(s, s in ${celList(oidcScopes)})`,
    'must not have offline_access without refresh_token in grantTypes; add it there or leave grantTypes out':
      `!has(self.scopes) || !('offline_access' in self.scopes) || !has(self.grantTypes) || 'refresh_token' in self.grantTypes`,
  },
  'resourceServer.scopes': {
    'must not have scopes of OpenID Connect (openid, profile, email, address, phone, groups, offline_access); name scopes of the API':
      `${absent('resourceServer.scopes')} || !self.resourceServer.scopes.exists(s, s.name in ${celList(oidcScopes)})`,
  },
  'tokens.format': {
    'must not be jwt without an API: a token that is for none opens userinfo and is opaque; list an API in audiences (it may be its own)':
      `${absent('tokens.format')} || self.tokens.format != 'jwt' || (has(self.audiences) && size(self.audiences) > 0)`,
  },
  'resourceServer.tokens.claims': {
    [unknownApiClaim]:
      `${absent('resourceServer.tokens.claims')} || self.resourceServer.tokens.claims.all(c, c in ${celList(apiClaims)} || (has(self.claims) && self.claims.exists(own, own.name == c)))`,
  },
  'resourceServer.access': {
    'must have only scopes that are in resourceServer.scopes; add them there, or correct them here':
      `${absent('resourceServer.access')} || self.resourceServer.access.all(a, !has(a.scopes) || (has(self.resourceServer.scopes) && a.scopes.all(s, self.resourceServer.scopes.exists(own, own.name == s))))`,
    'must have only authorizationDetailsTypes that are in resourceServer.authorizationDetails; add them there, or correct them here':
      `${absent('resourceServer.access')} || self.resourceServer.access.all(a, !has(a.authorizationDetailsTypes) || (has(self.resourceServer.authorizationDetails) && a.authorizationDetailsTypes.all(t, self.resourceServer.authorizationDetails.exists(d, d.type == t))))`,
  },
})

// prettier-ignore
const authRules = rulesOf({
  auth: {
    'must have exactly one of jwksURI and jwks with private_key_jwt and self_signed_tls_client_auth':
      `!(${method} in ${celList(keyMethods)}) || (has(self.auth.jwksURI) != has(self.auth.jwks))`,
    'must have jwksURI or jwks, not both': `!has(self.auth) || !(has(self.auth.jwksURI) && has(self.auth.jwks))`,
  },
  'auth.tls': {
    'must have exactly one of subjectDN, sanDNS and sanURI with tls_client_auth':
      `${method} != 'tls_client_auth' || (has(self.auth.tls) && [has(self.auth.tls.subjectDN), has(self.auth.tls.sanDNS), has(self.auth.tls.sanURI)].filter(x, x).size() == 1)`,
    'must be absent unless auth.method is tls_client_auth; remove it':
      `${absent('auth.tls')} || ${method} == 'tls_client_auth'`,
  },
  'auth.identities': {
    'must be set with auth.method federated_jwt, such as [{serviceAccount: {name: worker}}]':
      `${method} != '${federatedMethod}' || has(self.auth.identities)`,
    'must be absent unless auth.method is federated_jwt; remove it':
      `${absent('auth.identities')} || ${method} == '${federatedMethod}'`,
  },
  'auth.method': {
    'must not be federated_jwt unless the type is Web or M2M':
      `${method} != '${federatedMethod}' || self.type in ['Web', 'M2M']`,
  },
  pkce: {
    [needsPkce]: `!has(self.pkce) || self.pkce == 'Required' || ${method} != 'none'`,
  },
  certificateBoundTokens: {
    [boundTwice]:
      '!has(self.certificateBoundTokens) || !self.certificateBoundTokens || !has(self.dpop) || !self.dpop',
  },
  signedRequestObject: {
    'must have auth.jwksURI or auth.jwks as well: the keys that verify the requests':
      `!has(self.signedRequestObject) || !self.signedRequestObject || (has(self.auth) && (has(self.auth.jwksURI) || has(self.auth.jwks)))`,
  },
  'encryption.userinfo': {
    [noKeys]: `${absent('encryption.userinfo')} || (has(self.auth) && (has(self.auth.jwksURI) || has(self.auth.jwks)))`,
  },
})

const fapiRules = rulesOf({
  'auth.method': { [fapiWants.method]: `${method} in ${celList(strongMethods)}` },
  par: {
    [fapiWants.par]:
      "(self.type in ['M2M', 'Device'] || (has(self.grantTypes) && !('authorization_code' in self.grantTypes)) || (has(self.par) && self.par))",
  },
  dpop: {
    [fapiWants.dpop]: `((has(self.dpop) && self.dpop) || (has(self.certificateBoundTokens) && self.certificateBoundTokens) || ${method} in ${celList(tlsMethods)})`,
  },
  ...ofEach(
    ['signing.idToken', 'signing.accessToken', 'signing.userinfo', 'resourceServer.tokens.signingAlg'],
    (field) => ({
      [fapiWants.algorithm]: `(${absent(field)} || self.${field} in ${celList(fapiAlgorithms)})`,
    }),
  ),
  redirectURIs: {
    [fapiWants.redirect]:
      "(self.type == 'Native' || !has(self.redirectURIs) || self.redirectURIs.all(u, u.startsWith('https:')))",
  },
  pkce: { [fapiWants.pkce]: "(!has(self.pkce) || self.pkce == 'Required')" },
  'tokens.idClaims': { [fapiWants.idClaims]: `(${absent('tokens.idClaims')} || self.tokens.idClaims == 'Minimal')` },
}).map((rule) => ({ ...rule, rule: `!has(self.profile) || self.profile != 'FAPI2' || ${rule.rule}` }))

const bytesOf = (field: 'redirectURIs' | 'postLogoutRedirectURIs') =>
  `(has(self.${field}) ? size(self.${field}.join('')) : 0)`

/** Bounds the longest fields. The operator measures the whole spec first, and skips these rules for one that is too large. */
const sizeRule: CelRule = {
  rule: `${bytesOf('redirectURIs')} + ${bytesOf('postLogoutRedirectURIs')} <= ${maxVersionBytes}`,
  message: `must take at most ${maxVersionBytes / 1024} KiB; shorten redirectURIs and postLogoutRedirectURIs, or make two clients of it`,
}

// prettier-ignore
const moreRules = rulesOf({
  sectorIdentifierURI: {
    [pairwiseWants.sector]:
      "!has(self.subjectType) || self.subjectType != 'pairwise' || has(self.sectorIdentifierURI) || !has(self.redirectURIs) || self.redirectURIs.all(u, u.startsWith('https://') && u.split('/', 4)[2] == self.redirectURIs[0].split('/', 4)[2])",
    [pairwiseWants.noSector]:
      "!has(self.sectorIdentifierURI) || (has(self.subjectType) && self.subjectType == 'pairwise')",
  },
  subjectType: {
    [pairwiseWants.people]: "!has(self.subjectType) || self.subjectType != 'pairwise' || self.type != 'M2M'",
  },
  grantTypes: {
    [pairwiseWants.devices]:
      `!has(self.subjectType) || self.subjectType != 'pairwise' || (has(self.grantTypes) ? !('device_code' in self.grantTypes) : self.type != 'Device') || (${method} == 'private_key_jwt' && has(self.auth) && has(self.auth.jwksURI))`,
  },
  'logout.sessionRequired': {
    'must have logout.backchannelURI as well':
      `${absent('logout.sessionRequired')} || !self.logout.sessionRequired || has(self.logout.backchannelURI)`,
  },
})

/** The spec of an OIDCClient: fields and rules. */
export const clientSpec = withRules(
  clientSpecFields,
  ...fixedRules,
  ...originRules,
  ...typeRules,
  ...uriRules('redirectURIs'),
  ...uriRules('postLogoutRedirectURIs'),
  ...scopeRules,
  ...authRules,
  ...fapiRules,
  ...secretRules,
  ...moreRules,
  sizeRule,
)
