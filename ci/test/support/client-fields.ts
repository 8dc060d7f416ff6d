// Each field of an OIDCClient: what it takes, what it refuses with which words, and the test that shows that it does something.
import { presets } from '@nauthera/operator/api/presets'
import { named } from './field-row.ts'
import type { FieldRow } from './field-row.ts'

const web = { type: 'Web', redirectURIs: ['https://app.example.com/callback'] }
const machine = { type: 'M2M' }
const keys = {
  keys: [
    {
      kty: 'EC',
      crv: 'P-256',
      kid: 'a',
      x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
      y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
    },
  ],
}
const signs = { method: 'private_key_jwt', jwks: keys }
const hasKeys = { ...web, auth: signs }
const federated = { ...machine, auth: { method: 'federated_jwt', identities: [{}] } }
const other = {
  ...machine,
  auth: { method: 'federated_jwt', identities: [{ issuer: 'https://ci.example.com', subject: 'a' }] },
}
const certified = { ...machine, auth: { method: 'tls_client_auth' } }
const api = {
  ...machine,
  resourceServer: { identifier: 'https://api.example.com', scopes: [{ name: 'read' }, { name: 'write' }] },
}
const opened = (entry: object) => ({ ...api, resourceServer: { ...api.resourceServer, access: [entry] } })
const required = (operator: string) =>
  opened({ namespaceSelector: { matchExpressions: [{ key: 'team', operator, values: ['a'] }] } })
const paid = (type: object = {}) => ({
  ...api,
  resourceServer: {
    ...api.resourceServer,
    authorizationDetails: [{ type: 'payment', title: 'Make a payment', ...type }],
  },
})
const own = { ...web, secret: { existingSecretRef: { name: 'mine', key: 'secret' } } }
const listed = { ...web, secret: { verifiers: [{ sha256: 'a'.repeat(64) }] } }
const followed = { ...web, redirectURIsFrom: [{ kind: 'Ingress', name: 'app', path: '/callback' }] }
const rotates = { ...web, rotation: { interval: '720h', window: { schedule: '0 3 * * 6', duration: '2h' } } }
const roles = { ...web, claims: [{ name: 'roles', fromGroups: { admins: ['Admin'] } }] }
const encrypts = {
  ...web,
  auth: { jwks: { keys: [{ ...keys.keys[0], use: 'enc' }] } },
  encryption: { userinfo: { alg: 'ECDH-ES' } },
}
const origin = { namespace: 'shop', name: 'app', uid: 'u1' }
const mirror = { ...web, type: 'SPA', origin }
const pairwise = { ...web, subjectType: 'pairwise', redirectURIs: ['https://a.example.com/', 'https://b.example.com/'] }
const long = (length: number): string => 'x'.repeat(length)

const oidc = 'server/test/oidc'
const decide = 'operator/test/decide'
const walk = `${oidc}/walk/authorization-details.integration.test.ts`
const fields = `${oidc}/client-fields.integration.test.ts`

// a row is a line
// prettier-ignore
export const clientRows: readonly FieldRow[] = [
  ['type', 'SPA', 'Desktop', 'spec.type: supported values: "Web", "SPA", "Native", "M2M", "Device"', `${decide}/metadata.test.ts`, 'gives type ${type} its grants and authentication', web],
  ['serverName', 'default', '', 'spec.serverName: should be at least 1 chars long', 'operator/test/reconcile.integration.test.ts', 'is left alone', web],
  ['clientId', 'shop', 'no spaces', 'spec.clientId: must be 3 to 200 letters, digits, ., _, ~ and -', `${decide}/accept-clients.test.ts`, 'K1 lets the oldest of two with one id win, in any order', web],
  ['displayName', 'Shop', 'Shop\u202e', 'spec.displayName: must be plain text without control characters and invisible ones', 'server/test/login/attacks.integration.test.ts', 'A8 L15 shows a client’s name and a state as text on every page', web],
  ['description', 'Sells.', long(513), 'spec.description: may not be more than 512 bytes', 'server/test/account/launcher.test.ts', 'sorts by name, and searches names and descriptions', web],
  ['suspended', true, 'yes', 'spec.suspended: must be of type boolean: "string"', `${oidc}/tokens.integration.test.ts`, 'T5 all tokens of a suspended or deleted client are refused', web],
  ['redirectURIs', ['https://a.example.com/cb'], ['http://a.example.com/cb'], 'spec.redirectURIs: must be https, or http on localhost, 127.0.0.1 or [::1]', `${oidc}/authorization.integration.test.ts`, 'the registered one is accepted', web],
  ['redirectURIsFrom[].kind', 'HTTPRoute', 'Route', 'spec.redirectURIsFrom[0].kind: supported values: "Ingress", "HTTPRoute"', `${decide}/route-hosts.test.ts`, 'says when only its last change is open', followed],
  ['redirectURIsFrom[].name', 'shop', '', 'spec.redirectURIsFrom[0].name: should be at least 1 chars long', `${decide}/follow-routes.test.ts`, 'gives one URI for each host and path', followed],
  ['redirectURIsFrom[].path', '/cb', 'cb', 'spec.redirectURIsFrom[0].path: must begin with / and have no space, quote, *, # and \\', `${decide}/follow-routes.test.ts`, 'gives one URI for each host and path', followed],
  ['postLogoutRedirectURIs', ['https://a.example.com/bye'], ['https://app.example.com/*'], 'spec.postLogoutRedirectURIs[0]: must be a whole URI without fragment (#), *, \\, space or quotes; encode them with %', `${oidc}/refusals.integration.test.ts`, 'nor does the page of a sign-out, and a registered address stays allowed', web],
  ['grantTypes', ['authorization_code'], ['refresh_token'], 'spec.grantTypes: must have authorization_code or device_code as well as refresh_token', `${oidc}/tokens.integration.test.ts`, 'a grant that the client does not have', web],
  ['responseModes', ['form_post', 'query.jwt'], ['web_message'], 'spec.responseModes[0]: supported values: "query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"', fields, 'responseModes are the only ones in which it is answered', web],
  ['scopes', ['openid', 'groups'], ['open id'], 'spec.scopes[0]: must be scopes without space, " or \\', fields, 'a scope that is not in scopes is refused', web],
  ['audiences', ['urn:example:api'], ['http://api.example.com'], 'spec.audiences[0]: must be https URLs or URNs, such as https://api.example.com or urn:example:api, http on this machine, or names such as rabbitmq', `${oidc}/api-access.integration.test.ts`, 'needs a resource when the client has several audiences; the refusal names them', web],
  ['authorizationDetailsTypes', ['payment'], ['a payment'], 'spec.authorizationDetailsTypes[0]: must be a word without space, " or \\', walk, 'an unknown type, a wrong field and a type that the client may not ask for are invalid_authorization_details', web],
  ['auth.method', 'client_secret_post', 'client_secret_jwt', 'spec.auth.method: supported values: "client_secret", "client_secret_basic", "client_secret_post", "none", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "federated_jwt"', `${oidc}/first-try.integration.test.ts`, 'and is told where instead, which only the right secret learns', web],
  ['auth.jwksURI', 'https://a.example.com/jwks', 'http://a.example.com/jwks', 'spec.auth.jwksURI: must be an https URL without a fragment, such as https://app.example.com/path', `${oidc}/jwks-uri.integration.test.ts`, 'its address is asked once a minute, whatever number of requests and clients want the keys', web],
  ['auth.jwks.keys', keys.keys, [], 'spec.auth.jwks.keys: should have at least 1 items', `${oidc}/tokens.integration.test.ts`, 'T11 a client assertion works once, whichever replica gets it', { ...web, auth: { method: 'private_key_jwt' } }],
  ['auth.identities[].serviceAccount.name', 'worker', 'Worker', 'spec.auth.identities[0].serviceAccount.name: must be a name of lower-case letters, digits, - and ., such as worker', `${oidc}/authentication/platform-token.test.ts`, 'takes the token of each identity', federated],
  ['auth.identities[].serviceAccount.namespace', 'shop', 'shop.', 'spec.auth.identities[0].serviceAccount.namespace: must be the name of a namespace', `${oidc}/authentication/platform-token.test.ts`, 'T30 takes no token in which any of issuer, subject, audience, times, namespace or pod is another', { ...machine, auth: { method: 'federated_jwt', identities: [{ serviceAccount: { name: 'worker' } }] } }],
  ['auth.identities[].issuer', 'https://ci.example.com', 'http://ci.example.com', 'spec.auth.identities[0].issuer: must be an https URL, as iss has it in its tokens', `${oidc}/authentication/platform-token.test.ts`, 'T30 takes no token in which any of issuer, subject, audience, times, namespace or pod is another', other],
  ['auth.identities[].subject', 'repo:shop', '', 'spec.auth.identities[0].subject: should be at least 1 chars long', `${oidc}/authentication/platform-token.test.ts`, 'T30 takes no token in which any of issuer, subject, audience, times, namespace or pod is another', other],
  ['auth.tls.subjectDN', 'CN=worker,O=Example', 'worker', 'spec.auth.tls.subjectDN: must be a distinguished name as in RFC 4514, the narrowest part first, such as CN=worker,O=Example', `${oidc}/mutual-tls.integration.test.ts`, 'by its subject', certified, 'operator'],
  ['auth.tls.sanDNS', 'worker.example.com', '*.example.com', 'spec.auth.tls.sanDNS: must be the name of a host, such as worker.example.com', `${oidc}/mutual-tls.integration.test.ts`, 'by a host', certified],
  ['auth.tls.sanURI', 'spiffe://example.org/worker', 'worker', 'spec.auth.tls.sanURI: must be a URI, such as spiffe://example.org/ns/demo/sa/worker', `${oidc}/mutual-tls.integration.test.ts`, 'by a URI, as SPIFFE has it', certified],
  ['pkce', 'Optional', 'Plain', 'spec.pkce: supported values: "Auto", "Required", "Optional"', `${oidc}/first-try.integration.test.ts`, 'A4 not by a nonce where PKCE is required: of a public client, or because its object says so', web],
  ['par', true, 'yes', 'spec.par: must be of type boolean: "string"', fields, 'par refuses a request that was not pushed', web],
  ['dpop', true, 'yes', 'spec.dpop: must be of type boolean: "string"', `${oidc}/dpop.integration.test.ts`, 'a client that must bind its tokens gets none without a proof', web],
  ['certificateBoundTokens', true, 'yes', 'spec.certificateBoundTokens: must be of type boolean: "string"', `ci/test/fapi-variants.integration.test.ts`, 'a key, and a token that is bound to a certificate', web],
  ['signedRequestObject', true, 'yes', 'spec.signedRequestObject: must be of type boolean: "string"', `${oidc}/request-objects.integration.test.ts`, 'a client that must sign its requests is refused without a signature', hasKeys],
  ['profile', 'FAPI2', 'FAPI1', 'spec.profile: supported values: "Standard", "FAPI2"', `${oidc}/fapi.integration.test.ts`, 'refuses a request that was not pushed', { ...hasKeys, par: true, dpop: true }],
  ['consent', 'Explicit', 'Never', 'spec.consent: supported values: "Explicit", "Remember", "Skip"', `${oidc}/walk/prompts.integration.test.ts`, 'what it comes to for each session, client, max_age and id_token_hint', web],
  ['resourceServer.identifier', 'https://api.example.com', 'http://api.example.com', 'spec.resourceServer.identifier: must be an https URL or a URN, such as https://api.example.com, http on localhost, 127.0.0.1 or [::1], or a name such as rabbitmq', `${oidc}/tokens.integration.test.ts`, 'client_credentials gives a JWT for the client’s only audience, with scopes of that API', machine],
  ['resourceServer.scopes[].name', 'read', 'openid', 'spec.resourceServer.scopes: must not have scopes of OpenID Connect (openid, profile, email, address, phone, groups, offline_access); name scopes of the API', `${oidc}/api-access.integration.test.ts`, 'is refused when more is asked for than is granted, or what nobody knows', { ...machine, resourceServer: { identifier: 'urn:example:api' } }],
  ['resourceServer.scopes[].title', 'Read', 'Read\u202e', 'spec.resourceServer.scopes[0].title: must be plain text without control characters and invisible ones', 'server/test/oidc/apis/details-on-page.test.ts', 'shows a scope by what the API calls it, in each language, and by its name where it says nothing', { ...api, resourceServer: { identifier: 'urn:example:api', scopes: [{ name: 'read' }] } }],
  ['resourceServer.scopes[].description', 'Reads only.', 'a\u202e', 'spec.resourceServer.scopes[0].description: must be plain text without control characters and invisible ones', 'server/test/oidc/apis/details-on-page.test.ts', 'shows a scope by what the API calls it, in each language, and by its name where it says nothing', { ...api, resourceServer: { identifier: 'urn:example:api', scopes: [{ name: 'read' }] } }],
  ['resourceServer.scopes[].texts[].language', 'fr', 'German', 'spec.resourceServer.scopes[0].texts[0].language: may not be more than 3 bytes', 'server/test/oidc/apis/details-on-page.test.ts', 'shows a scope by what the API calls it, in each language, and by its name where it says nothing', { ...api, resourceServer: { identifier: 'urn:example:api', scopes: [{ name: 'read', texts: [{ language: 'de', title: 'Lesen' }] }] } }],
  ['resourceServer.scopes[].texts[].title', 'Lire', 'a\u202e', 'spec.resourceServer.scopes[0].texts[0].title: must be plain text without control characters and invisible ones', 'server/test/oidc/apis/details-on-page.test.ts', 'shows a scope by what the API calls it, in each language, and by its name where it says nothing', { ...api, resourceServer: { identifier: 'urn:example:api', scopes: [{ name: 'read', texts: [{ language: 'de', title: 'Lesen' }] }] } }],
  ['resourceServer.scopes[].texts[].description', 'Lire.', 'a\u202e', 'spec.resourceServer.scopes[0].texts[0].description: must be plain text without control characters and invisible ones', 'server/test/oidc/apis/details-on-page.test.ts', 'shows a scope by what the API calls it, in each language, and by its name where it says nothing', { ...api, resourceServer: { identifier: 'urn:example:api', scopes: [{ name: 'read', texts: [{ language: 'de', title: 'Lesen' }] }] } }],
  ['resourceServer.tokens.signingAlg', 'RS256', 'HS256', 'spec.resourceServer.tokens.signingAlg: supported values: "ES256", "RS256", "PS256", "EdDSA"', `${oidc}/artefacts/signed-tokens.integration.test.ts`, 'signs by its algorithm, for as long as it says and no longer than the client and its policies want', api],
  ['resourceServer.tokens.format', 'opaque', 'saml', 'spec.resourceServer.tokens.format: supported values: "jwt", "opaque"', `${oidc}/artefacts/signed-tokens.integration.test.ts`, 'is opaque where the API wants that, whatever the client says', api],
  ['resourceServer.tokens.accessTTL', '10m', '25h', 'spec.resourceServer.tokens.accessTTL: must be a duration from 1m to 24h, such as 1m or 24h', `${oidc}/artefacts/signed-tokens.integration.test.ts`, 'signs by its algorithm, for as long as it says and no longer than the client and its policies want', api],
  ['resourceServer.tokens.claims', ['groups'], ['roles'], 'spec.resourceServer.tokens.claims: must be among groups, email, preferred_username, name and the names in spec.claims', `${oidc}/artefacts/signed-tokens.integration.test.ts`, 'T14 says of the person what the API wants and the person let the client know, in the JWT and to that API alone', api],
  ['resourceServer.access[].namespaces', ['*'], ['we*'], 'spec.resourceServer.access[0].namespaces[0]: must be the name of a namespace, or "*" for clients of every namespace', `${decide}/resolve-access.test.ts`, 'lets a listed namespace in', opened({})],
  ['resourceServer.access[].namespaceSelector.matchLabels', { team: 'a' }, { team: long(64) }, 'spec.resourceServer.access[0].namespaceSelector.matchLabels.team: may not be more than 63 bytes', `${decide}/resolve-access.test.ts`, 'lets in by labels of the namespace', opened({})],
  ['resourceServer.access[].namespaceSelector.matchExpressions[].key', 'team', long(318), 'spec.resourceServer.access[0].namespaceSelector.matchExpressions[0].key: may not be more than 317 bytes', `${decide}/resolve-access.test.ts`, 'lets in by labels of the namespace', required('In')],
  ['resourceServer.access[].namespaceSelector.matchExpressions[].operator', 'NotIn', 'Exists', 'spec.resourceServer.access[0].namespaceSelector: must have values with In and NotIn, and none with Exists and DoesNotExist', `${decide}/resolve-access.test.ts`, 'lets nobody in by Exists with values', required('In')],
  ['resourceServer.access[].namespaceSelector.matchExpressions[].values', ['a'], [], 'spec.resourceServer.access[0].namespaceSelector: must have values with In and NotIn, and none with Exists and DoesNotExist', `${decide}/resolve-access.test.ts`, 'lets nobody in by NotIn without values', required('NotIn')],
  ['resourceServer.access[].clientIds', ['shop.worker'], [''], 'spec.resourceServer.access[0].clientIds[0]: should be at least 1 chars long', `${decide}/resolve-access.test.ts`, 'lets a listed client id in', opened({})],
  ['resourceServer.access[].clusters[].name', 'edge', '', 'spec.resourceServer.access[0].clusters[0].name: should be at least 1 chars long', `${decide}/resolve-access.test.ts`, 'lets in a namespace of a joined cluster', opened({ clusters: [{ namespaces: ['shop'] }] })],
  ['resourceServer.access[].clusters[].namespaces', ['*'], ['we*'], 'spec.resourceServer.access[0].clusters[0].namespaces[0]: must be the name of a namespace, or "*" for every one', `${decide}/resolve-access.test.ts`, 'lets in a namespace of a joined cluster', opened({ clusters: [{ name: 'edge' }] })],
  ['resourceServer.access[].clientMetadataHosts', ['.apps.example.com', 'app.example.com:8443'], ['https://app.example.com'], 'spec.resourceServer.access[0].clientMetadataHosts[0]: must be hosts such as app.example.com, or .apps.example.com for all below it', `${oidc}/documents.integration.test.ts`, 'a person signs in, sees the host, and the client gets a token for the API, on any replica', opened({ scopes: ['read'] })],
  ['resourceServer.access[].scopes', ['read'], ['admin'], 'spec.resourceServer.access: must have only scopes that are in resourceServer.scopes; add them there, or correct them here', `${decide}/resolve-access.test.ts`, 'gives the scopes of the entry alone', opened({ namespaces: ['*'] })],
  ['resourceServer.access[].authorizationDetailsTypes', ['payment'], ['refund'], 'spec.resourceServer.access: must have only authorizationDetailsTypes that are in resourceServer.authorizationDetails; add them there, or correct them here', `${decide}/resolve-access.test.ts`, 'names the types of authorization details that it withholds', { ...paid(), resourceServer: { ...paid().resourceServer, access: [{ namespaces: ['*'] }] } }],
  ['resourceServer.authorizationDetails[].type', 'refund', 'a payment', 'spec.resourceServer.authorizationDetails[0].type: must be a word without space, " or \\', walk, 'authorization_details is a list of objects, each with a type', paid()],
  ['resourceServer.authorizationDetails[].title', 'Pay', 'Pay\u202e', 'spec.resourceServer.authorizationDetails[0].title: must be plain text without control characters and invisible ones', walk, 'the page that asks the person shows each detail, in their language', paid()],
  ['resourceServer.authorizationDetails[].actions', ['initiate'], [], 'spec.resourceServer.authorizationDetails[0].actions: should have at least 1 items', walk, 'each type has fields of its own, and a detail has no other', paid()],
  ['resourceServer.authorizationDetails[].datatypes', ['balance'], ['a b'], 'spec.resourceServer.authorizationDetails[0].datatypes[0]: must have values without space, " or \\', walk, 'each type has fields of its own, and a detail has no other', paid()],
  ['resourceServer.authorizationDetails[].privileges', ['owner'], ['a b'], 'spec.resourceServer.authorizationDetails[0].privileges[0]: must have values without space, " or \\', walk, 'each type has fields of its own, and a detail has no other', paid()],
  ['resourceServer.authorizationDetails[].locations', ['https://api.example.com/eu'], ['eu'], 'spec.resourceServer.authorizationDetails[0].locations[0]: must be https URLs or URNs', walk, 'each type has fields of its own, and a detail has no other', paid()],
  ['resourceServer.authorizationDetails[].identifier', true, 'yes', 'spec.resourceServer.authorizationDetails[0].identifier: must be of type boolean: "string"', walk, 'each type has fields of its own, and a detail has no other', paid()],
  ['resourceServer.authorizationDetails[].fields[].name', 'amount.currency', 'actions', 'spec.resourceServer.authorizationDetails[0].fields[0].name: must be none of type, actions, datatypes, privileges, locations, identifier and constructor; choose another name', walk, 'each type has fields of its own, and a detail has no other', paid({ fields: [{ kind: 'Text' }] })],
  ['resourceServer.authorizationDetails[].fields[].kind', 'Texts', 'Date', 'spec.resourceServer.authorizationDetails[0].fields[0].kind: supported values: "Text", "Number", "Boolean", "Texts"', walk, 'each type has fields of its own, and a detail has no other', paid({ fields: [{ name: 'amount' }] })],
  ['resourceServer.authorizationDetails[].required', ['amount'], ['sum'], 'spec.resourceServer.authorizationDetails[0]: must have in required only what the type declares; add it to fields or to its list, or correct it', walk, 'each type has fields of its own, and a detail has no other', paid({ fields: [{ name: 'amount', kind: 'Number' }] })],
  ['resourceServer.authorizationDetails[].remember', true, 'yes', 'spec.resourceServer.authorizationDetails[0].remember: must be of type boolean: "string"', `${oidc}/authorization-details.integration.test.ts`, 'is remembered where the API says so, for the same and less, and asked for again for more', paid()],
  ['resourceServer.authorizationDetails[].texts[].language', 'de', 'German', 'spec.resourceServer.authorizationDetails[0].texts[0].language: may not be more than 3 bytes', walk, 'the page that asks the person shows each detail, in their language', paid({ texts: [{ words: { payment: 'Zahlung' } }] })],
  ['resourceServer.authorizationDetails[].texts[].words', { payment: 'Zahlung' }, { payment: 'Zahlung\u202e' }, 'spec.resourceServer.authorizationDetails[0].texts[0].words.payment: must be plain text without control characters and invisible ones', walk, 'the page that asks the person shows each detail, in their language', paid({ texts: [{ language: 'de' }] })],
  ['access.allowedGroups', ['admins'], [''], 'spec.access.allowedGroups[0]: should be at least 1 chars long', `${oidc}/authorization.integration.test.ts`, 'lets only people in an allowed group sign in to the client, also with prompt=none', web],
  ['access.requiredAcr', ['urn:nauthera:mfa'], ['gold'], 'spec.access.requiredAcr: must be among urn:nauthera:password, urn:nauthera:mfa', `${oidc}/device.integration.test.ts`, 'with the second factor that its client needs', web, 'operator'],
  ['tokens.accessTTL', '10m', '25h', 'spec.tokens.accessTTL: must be a duration from 1m to 24h, such as 1m or 24h', fields, 'tokens.idTTL and tokens.accessTTL are how long its tokens live', web],
  ['tokens.idTTL', '90s', '0s', 'spec.tokens.idTTL: must be a duration from 1m to 24h, such as 1m or 24h', fields, 'tokens.idTTL and tokens.accessTTL are how long its tokens live', web],
  ['tokens.refreshTTL', '24h', '1 day', 'spec.tokens.refreshTTL: must be a duration from 5m to 2160h, such as 5m or 2160h', `${oidc}/artefacts/refresh-families.test.ts`, 'expires after the idle time of its client, and at the latest with its family', web],
  ['tokens.format', 'opaque', 'saml', 'spec.tokens.format: supported values: "jwt", "opaque"', `${oidc}/tokens.integration.test.ts`, 'T6 a revoked opaque token of client_credentials is inactive on each replica', web],
  ['tokens.idClaims', 'Minimal', 'All', 'spec.tokens.idClaims: supported values: "Scopes", "Minimal"', `${oidc}/library/overrides/id-tokens.ts`, 'idTokens: an ID token has the claims of its scopes; with Minimal it has those of the sign-in alone', web],
  ['subjectType', 'pairwise', 'private', 'spec.subjectType: supported values: "public", "pairwise"', `${oidc}/pairwise.integration.test.ts`, '8.1 two clients of one sector agree, and of two sectors differ', web],
  ['sectorIdentifierURI', 'https://a.example.com/sector.json', 'http://a.example.com/sector.json', 'spec.sectorIdentifierURI: must be an https URL without a fragment, such as https://app.example.com/path', `${oidc}/pairwise.integration.test.ts`, 'a client of a sector asks for people once its document lists it, and while that is away', pairwise],
  ['defaultMaxAge', 0, -1, 'spec.defaultMaxAge: should be greater than or equal to 0', fields, 'defaultMaxAge holds where a request has no max_age, and a request that has one decides itself', web],
  ['requireAuthTime', true, 'yes', 'spec.requireAuthTime: must be of type boolean: "string"', fields, 'requireAuthTime puts auth_time into every ID token', web],
  ['signing.idToken', 'PS256', 'HS256', 'spec.signing.idToken: supported values: "ES256", "RS256", "PS256", "EdDSA"', `${oidc}/relying-party.integration.test.ts`, 'oauth4webapi: other algorithms for the ID token and a signed userinfo, the signatures checked against JWKS', web],
  ['signing.accessToken', 'RS256', 'none', 'spec.signing.accessToken: supported values: "ES256", "RS256", "PS256", "EdDSA"', `${oidc}/first-try.integration.test.ts`, 'access tokens are ES256, or what the client says', web],
  ['signing.userinfo', 'ES256', 'HS256', 'spec.signing.userinfo: supported values: "ES256", "RS256", "PS256", "EdDSA"', `${oidc}/relying-party.integration.test.ts`, 'oauth4webapi: other algorithms for the ID token and a signed userinfo, the signatures checked against JWKS', web],
  ['encryption.userinfo.alg', 'ECDH-ES+A256KW', 'RSA1_5', 'spec.encryption.userinfo.alg: supported values: "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"', `${oidc}/encrypted-userinfo.integration.test.ts`, 'openid-client reads it, encrypted with ${alg} to a key of ${kind}, and ${enc}', encrypts],
  ['encryption.userinfo.enc', 'A256GCM', 'A128GCM', 'spec.encryption.userinfo.enc: supported values: "A128CBC-HS256", "A256GCM"', `${oidc}/encrypted-userinfo.integration.test.ts`, 'openid-client reads it, encrypted with ${alg} to a key of ${kind}, and ${enc}', encrypts],
  ['logout.backchannelURI', 'https://a.example.com/logout', 'http://a.example.com/logout', 'spec.logout.backchannelURI: must be an https URL without a fragment, such as https://app.example.com/path', `${oidc}/back-channel.integration.test.ts`, 'section 2.4: a logout that one application begins is told to it and to the others, once each, by three replicas', web],
  ['logout.sessionRequired', true, 'yes', 'spec.logout.sessionRequired: must be of type boolean: "string"', `${oidc}/back-channel.integration.test.ts`, 'section 2.5: every session that the command line or the help desk ends is told, each with its own sid', { ...web, logout: { backchannelURI: 'https://a.example.com/logout' } }],
  ['corsOrigins', ['https://a.example.com'], ['https://a.example.com/'], 'spec.corsOrigins[0]: must be origins without a path, in small letters, such as https://app.example.com, or http on localhost, 127.0.0.1 or [::1]', `${oidc}/tokens.integration.test.ts`, 'allows cross-origin requests to the token endpoint only from the origins of the client', web],
  ['claims[].name', 'levels', 'groups', 'spec.claims[0].name: must not be a registered claim, nor __proto__, which many programs cannot keep; choose another name, such as roles', `${oidc}/tokens.integration.test.ts`, 'returns what the claims parameter asks for, and the claims that the client derives from groups', roles],
  ['claims[].fromGroups', { admins: ['Admin'] }, { admins: 'Admin' }, 'spec.claims[0].fromGroups.admins: must be of type array: "string"', `${oidc}/tokens.integration.test.ts`, 'returns what the claims parameter asks for, and the claims that the client derives from groups', roles],
  ['claims[].join', 'CSV', 'TSV', 'spec.claims[0].join: supported values: "Array", "CSV", "SSV"', `${oidc}/claims.test.ts`, 'joins values as ${join}, each once', roles],
  ['uris.client', 'https://a.example.com/', 'a.example.com', 'spec.uris.client: must be an https URL without a fragment, such as https://app.example.com/path', `${oidc}/clients/on-page.test.ts`, 'lets people start again at the login page of the client, else at its own page', web],
  ['uris.logo', 'https://a.example.com/logo.png', 'javascript:alert(1)', 'spec.uris.logo: must be an https URL without a fragment, such as https://app.example.com/path', 'server/test/http/branding/logos.test.ts', 'serves the picture with a type of its own, in a sandbox, and fetches it once for many', web],
  ['uris.policy', 'https://a.example.com/privacy', 'http://a.example.com/privacy', 'spec.uris.policy: must be an https URL without a fragment, such as https://app.example.com/path', fields, 'uris.policy and uris.tos are linked where a person is asked for consent', web],
  ['uris.tos', 'https://a.example.com/terms', 'https://a.example.com/terms#1', 'spec.uris.tos: must be an https URL without a fragment, such as https://app.example.com/path', fields, 'uris.policy and uris.tos are linked where a person is asked for consent', web],
  ['uris.initiateLogin', 'https://a.example.com/login', '/login', 'spec.uris.initiateLogin: must be an https URL without a fragment, such as https://app.example.com/path', 'server/test/account/launcher.test.ts', 'opens an application where it begins a sign-in, and names this provider there', web],
  ['contacts', ['team@example.com'], ['team'], 'spec.contacts[0]: must be e-mail addresses, such as team@example.com', 'server/test/admin/clients.test.ts', 'says of what is served what `kubectl get` says', web],
  ['secret.name', 'shop-login', 'Shop', 'spec.secret.name: must be a name of lower-case letters, digits, - and ., such as grafana-oidc', `${decide}/secret.test.ts`, 'is named after the client, or as the client says', web],
  ['secret.labels', { 'example.com/team': 'a' }, { 'auth.nauthera.io/client': 'a' }, 'spec.secret.labels: must have no key that begins with auth.nauthera.io/: only the operator writes those', `${decide}/secret.test.ts`, 'K2 marks what it writes as its own, whatever labels and annotations the client wants', web],
  ['secret.annotations', { 'example.com/team': 'a' }, { 'auth.nauthera.io/client': 'a' }, 'spec.secret.annotations: must have no key that begins with auth.nauthera.io/: only the operator writes those', `${decide}/secret.test.ts`, 'K2 marks what it writes as its own, whatever labels and annotations the client wants', web],
  ['secret.presets', ['Grafana', 'Env'], ['Bugzilla'], `spec.secret.presets[0]: supported values: ${named(presets)}`, `${decide}/presets.test.ts`, 'preset ${preset} adds what its page shows', web],
  ['secret.keys', { client_id: 'id' }, { clientId: 'id' }, 'spec.secret.keys: must rename only the usual keys, such as client_id and client_secret; kubectl explain names them', `${decide}/secret.test.ts`, 'renames keys', web],
  ['secret.data', { config: '{{ .clientId }}' }, { '..': 'x' }, 'spec.secret.data: must have keys of letters, digits, -, _ and ., not . and not beginning with ..', `${decide}/secret.test.ts`, 'K15 names each template that does not render, and renders nothing then', web],
  ['secret.existingSecretRef.name', 'other', 'Other', 'spec.secret.existingSecretRef.name: must be a name of lower-case letters, digits, - and .', 'operator/test/secret/read-source.test.ts', 'is the value of the Secret that it names', own],
  ['secret.existingSecretRef.key', 'other', 'a/b', 'spec.secret.existingSecretRef.key: must be a key of letters, digits, -, _ and ., not . and not beginning with ..', 'operator/test/secret/read-source.test.ts', 'is the value of the Secret that it names', own],
  ['secret.verifiers[].sha256', 'b'.repeat(64), 'secret', 'spec.secret.verifiers[0].sha256: must be a SHA-256: 64 of the characters 0-9 and a-f, as kubectl nauthera secret new prints it', `${decide}/listed-secrets.test.ts`, 'gives servers exactly the listed secrets that are valid', listed],
  ['secret.verifiers[].notAfter', '2027-01-31T00:00:00Z', '31.1.2027', 'spec.secret.verifiers[0].notAfter: must be a time such as 2027-01-31T00:00:00Z', `${decide}/listed-secrets.test.ts`, 'ends an older one when the list says so', listed],
  ['secret.deletionPolicy', 'Retain', 'Keep', 'spec.secret.deletionPolicy: supported values: "Delete", "Retain"', `${decide}/secret.test.ts`, 'has no owner with Retain, so that it outlives the client', web],
  ['rotation.interval', '720h', '30d', 'spec.rotation.interval: must be a duration from 1h to 8760h, such as 1h or 8760h', `${decide}/rotation.test.ts`, 'waits for the interval', web],
  ['rotation.window.schedule', '0 3 * * 6', '0 3 * *', 'spec.rotation.window.schedule: must be a cron of five fields, such as "0 3 * * 6"', `${decide}/rotation.test.ts`, 'waits for the window', rotates],
  ['rotation.window.duration', '2h', '200h', 'spec.rotation.window.duration: must be a duration from 5m to 168h, such as 5m or 168h', `${decide}/rotation.test.ts`, 'rotates in the window', rotates],
  ['rotation.window.timeZone', 'Europe/Berlin', 'Mars/Base', 'spec.rotation.window.timeZone: must be an IANA time zone, such as Europe/Berlin', `${decide}/schedule.test.ts`, "'Europe/Berlin'", rotates, 'operator'],
  ['rotation.overlap', '24h', '721h', 'spec.rotation.overlap: must not be longer than rotation.interval; make it shorter', `${decide}/previous-secrets.test.ts`, 'never less than the overlap', rotates],
  ['rotation.retire', 'AfterOverlap', 'Never', 'spec.rotation.retire: supported values: "WhenUnused", "AfterOverlap"', `${decide}/previous-secrets.test.ts`, 'the overlap, with AfterOverlap', web],
  ['rotation.trigger', 'now', long(65), 'spec.rotation.trigger: may not be more than 64 bytes', `${decide}/rotation.test.ts`, 'a trigger does not wait for a window', web],
  ['rotation.revokePrevious', 'leak', 'leak\u202e', 'spec.rotation.revokePrevious: must be plain text without control characters and invisible ones', `${decide}/rotation.test.ts`, 'T12 revokes the previous one at once', web],
  ['origin.namespace', 'shop', 'Shop', 'spec.origin.namespace: must be the name of a namespace', 'operator/test/mirrors.integration.test.ts', 'refuses a mirror whose name is not that of its origin', mirror],
  ['origin.name', 'app', 'App', 'spec.origin.name: must be a name of lower-case letters, digits, - and .', 'operator/test/mirrors.integration.test.ts', 'refuses a mirror whose name is not that of its origin', mirror],
  ['origin.uid', 'u2', 'u 2', 'spec.origin.uid: must be a uid of letters, digits and -', 'operator/test/mirrors.integration.test.ts', 'keeps its uid when it is put back', mirror],
  ['origin.labels', { team: 'a' }, { team: long(64) }, 'spec.origin.labels.team: may not be more than 63 bytes', `${decide}/policies.test.ts`, 'selects a mirror by the labels of its origin', mirror],
  ['origin.namespaceLabels', { team: 'a' }, { team: long(64) }, 'spec.origin.namespaceLabels.team: may not be more than 63 bytes', `${decide}/policies.test.ts`, 'opens nothing by labels that nobody trusts', mirror],
  ['restraint.suspended', true, 'yes', 'spec.restraint.suspended: must be of type boolean: "string"', `${decide}/restraint.test.ts`, 'a suspension that a cluster says beside the version', mirror],
  ['restraint.allowedGroups', ['staff'], [long(257)], 'spec.restraint.allowedGroups[0]: may not be more than 256 bytes', `${decide}/restraint.test.ts`, 'groups that are in both, of the version and of what its cluster says today', mirror],
  ['restraint.leastAcr', 'urn:nauthera:mfa', long(257), 'spec.restraint.leastAcr: may not be more than 256 bytes', `${decide}/restraint.test.ts`, 'the stronger level of the two', mirror],
  ['restraint.endedVerifiers', ['0a1b2c3d'], [long(9)], 'spec.restraint.endedVerifiers[0]: may not be more than 8 bytes', `${decide}/restraint.test.ts`, 'the ids that a cluster names', mirror],
  ['restraint.accountsSince', { shop: '2026-01-31T12:00:00Z' }, { shop: long(33) }, 'spec.restraint.accountsSince.shop: may not be more than 32 bytes', `${decide}/accounts-since.test.ts`, 'the hub has each birth that a joined cluster knows', mirror],
]
