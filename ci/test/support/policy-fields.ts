// Each field of an OIDCPolicy: what it takes, what it refuses with which words, and the test that shows that it does something.
import { presets } from '@nauthera/operator/api/presets'
import { named } from './field-row.ts'
import type { FieldRow } from './field-row.ts'

const long = (length: number): string => 'x'.repeat(length)
const rotates = { defaults: { rotation: { interval: '720h', window: { schedule: '0 3 * * 6', duration: '2h' } } } }
const selects = (of: string, operator: string) => ({
  selector: { [of]: { matchExpressions: [{ key: 'team', operator, values: ['a'] }] } },
})
const clustered = { selector: { clusters: [{ name: 'edge', namespaces: ['shop'] }] } }
const decide = 'operator/test/decide'
const checks = `${decide}/check-policies.test.ts`
const policies = `${decide}/policies.test.ts`
const defaults = `${decide}/apply-defaults.test.ts`

// a row is a line
// prettier-ignore
export const policyRows: readonly FieldRow[] = [
  ['selector.namespaces.matchLabels', { team: 'a' }, { team: long(64) }, 'spec.selector.namespaces.matchLabels.team: may not be more than 63 bytes', policies, 'matchLabels of another value', {}],
  ['selector.namespaces.matchExpressions[].key', 'team', long(318), 'spec.selector.namespaces.matchExpressions[0].key: may not be more than 317 bytes', policies, 'NotIn, absent', selects('namespaces', 'In')],
  ['selector.namespaces.matchExpressions[].operator', 'NotIn', 'Near', 'spec.selector.namespaces.matchExpressions[0].operator: supported values: "In", "NotIn", "Exists", "DoesNotExist"', policies, 'NotIn, present', selects('namespaces', 'In')],
  ['selector.namespaces.matchExpressions[].values', ['a'], [long(64)], 'spec.selector.namespaces.matchExpressions[0].values[0]: may not be more than 63 bytes', policies, 'NotIn, present', selects('namespaces', 'In')],
  ['selector.clients.matchLabels', { team: 'a' }, { team: long(64) }, 'spec.selector.clients.matchLabels.team: may not be more than 63 bytes', policies, 'selects by the labels of the client too', {}],
  ['selector.clients.matchExpressions[].key', 'team', long(318), 'spec.selector.clients.matchExpressions[0].key: may not be more than 317 bytes', policies, 'selects by the labels of the client too', selects('clients', 'In')],
  ['selector.clients.matchExpressions[].operator', 'NotIn', 'Near', 'spec.selector.clients.matchExpressions[0].operator: supported values: "In", "NotIn", "Exists", "DoesNotExist"', policies, 'selects by the labels of the client too', selects('clients', 'In')],
  ['selector.clients.matchExpressions[].values', ['a'], [long(64)], 'spec.selector.clients.matchExpressions[0].values[0]: may not be more than 63 bytes', policies, 'selects by the labels of the client too', selects('clients', 'In')],
  ['selector.clusters[].name', 'edge', '', 'spec.selector.clusters[0].name: should be at least 1 chars long', policies, 'selects the clients of a joined cluster', clustered],
  ['selector.clusters[].namespaces', ['*'], ['we*'], 'spec.selector.clusters[0].namespaces[0]: must be the name of a namespace, or "*" for every one', policies, 'selects the clients of a joined cluster', clustered],
  ['enforcement', 'Warn', 'Off', 'spec.enforcement: supported values: "Deny", "Warn", "Audit"', `${decide}/judge.test.ts`, 'serves what a policy only warns of', {}],
  ['grace', '24h', '8761h', 'spec.grace: must be a duration from 0s to 8760h, such as 0s or 8760h', `${decide}/judge.test.ts`, 'lets nothing serve after the grace', {}],
  ['priority', 5, 1001, 'spec.priority: should be less than or equal to 1000', policies, 'orders by priority, then by name', {}],
  ['allow.types', ['Web'], ['Desktop'], 'spec.allow.types[0]: supported values: "Web", "SPA", "Native", "M2M", "Device"', checks, "'limits types'", {}],
  ['allow.grantTypes', ['authorization_code'], ['password'], 'spec.allow.grantTypes[0]: supported values: "authorization_code", "refresh_token", "client_credentials", "device_code", "token_exchange"', checks, 'limits the grants in effect, not only those written down', {}],
  ['allow.authMethods', ['client_secret'], ['client_secret_jwt'], 'spec.allow.authMethods[0]: supported values: "client_secret", "client_secret_basic", "client_secret_post", "none", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "federated_jwt"', checks, 'limits authentication', {}],
  ['allow.scopes', ['api:*'], [long(129)], 'spec.allow.scopes[0]: may not be more than 128 bytes', checks, "'limits scopes'", {}],
  ['allow.audiences', ['https://api.example.com/*'], [long(513)], 'spec.allow.audiences[0]: may not be more than 512 bytes', checks, 'limits audiences', {}],
  ['allow.authorizationDetailsTypes', ['payment_*'], [long(129)], 'spec.allow.authorizationDetailsTypes[0]: may not be more than 128 bytes', checks, 'limits types of authorization details', {}],
  ['allow.resourceIdentifiers', ['https://api.example.com/*'], [long(513)], 'spec.allow.resourceIdentifiers[0]: may not be more than 512 bytes', checks, 'limits identifiers of APIs', {}],
  ['allow.consent', ['Skip'], ['Never'], 'spec.allow.consent[0]: supported values: "Explicit", "Remember", "Skip"', checks, 'opens Skip by a list that has it', {}],
  ['allow.redirectHosts', ['.apps.example.com'], ['*.example.com'], 'spec.allow.redirectHosts[0]: must be hosts such as app.example.com, or .apps.example.com for all below it', checks, 'K14 limits hosts at a label boundary', {}],
  ['allow.customClientId', true, 'yes', 'spec.allow.customClientId: must be of type boolean: "string"', checks, 'keeps a custom id behind its gate', {}],
  ['allow.anyClientId', true, 'yes', 'spec.allow.anyClientId: must be of type boolean: "string"', `${decide}/accept-clients.test.ts`, 'anyClientId lifts the rule of the prefix', {}],
  ['allow.existingSecret', true, 'yes', 'spec.allow.existingSecret: must be of type boolean: "string"', checks, 'keeps a secret of your own behind its gate', {}],
  ['allow.verifiers', true, 'yes', 'spec.allow.verifiers: must be of type boolean: "string"', checks, 'keeps secrets that are kept elsewhere behind their gate', {}],
  ['allow.optionalPKCE', true, 'yes', 'spec.allow.optionalPKCE: must be of type boolean: "string"', checks, 'keeps optional PKCE behind its gate', {}],
  ['allow.foreignServiceAccounts', true, 'yes', 'spec.allow.foreignServiceAccounts: must be of type boolean: "string"', checks, 'keeps ServiceAccounts of other namespaces behind their gate', {}],
  ['allow.identityIssuers', ['https://ci.example.com/*'], [long(2049)], 'spec.allow.identityIssuers[0]: may not be more than 2048 bytes', checks, 'takes no issuer that another policy leaves out', {}],
  ['allow.tokenExchange', true, 'yes', 'spec.allow.tokenExchange: must be of type boolean: "string"', checks, 'keeps token exchange behind its gate', {}],
  ['allow.resourceServer', true, 'yes', 'spec.allow.resourceServer: must be of type boolean: "string"', checks, 'keeps a resource server behind its gate', {}],
  ['require.par', true, 'yes', 'spec.require.par: must be of type boolean: "string"', checks, 'demands PAR', {}],
  ['require.dpop', true, 'yes', 'spec.require.dpop: must be of type boolean: "string"', checks, 'demands DPoP', {}],
  ['require.https', true, 'yes', 'spec.require.https: must be of type boolean: "string"', checks, 'demands https of redirect URIs, on localhost too', {}],
  ['require.pkce', true, 'yes', 'spec.require.pkce: must be of type boolean: "string"', checks, 'wants PKCE where it is required', {}],
  ['require.rotation', true, 'yes', 'spec.require.rotation: must be of type boolean: "string"', checks, 'demands rotation of a client with a secret', {}],
  ['limits.clientsPerNamespace', 10, -1, 'spec.limits.clientsPerNamespace: should be greater than or equal to 0', checks, 'limits clients of a namespace: the oldest stay', {}],
  ['limits.bytesPerShard', 65_536, 1023, 'spec.limits.bytesPerShard: should be greater than or equal to 1024', `${decide}/judge.test.ts`, 'gives the bytes that its namespace may take of a shard: the least that a policy says', {}],
  ['limits.tokens.access', '10m', '25h', 'spec.limits.tokens.access: must be a duration from 1m to 24h, such as 1m or 24h', checks, 'limits lives of tokens', {}],
  ['limits.tokens.id', '10m', '25h', 'spec.limits.tokens.id: must be a duration from 1m to 24h, such as 1m or 24h', defaults, 'holds a client that says nothing to the limits of its policies', {}],
  ['limits.tokens.refresh', '24h', '1m', 'spec.limits.tokens.refresh: must be a duration from 5m to 2160h, such as 5m or 2160h', checks, 'limits lives of tokens', {}],
  ['limits.tokens.platform', '1h', '1s', 'spec.limits.tokens.platform: must be a duration from 1m to 24h, such as 1m or 24h', policies, 'tokens of platforms live as long as the strictest policy says', {}],
  ['defaults.rotation.interval', '720h', '30d', 'spec.defaults.rotation.interval: must be a duration from 1h to 8760h, such as 1h or 8760h', defaults, 'fills in what the client leaves open', {}],
  ['defaults.rotation.window.schedule', '0 3 * * 6', '0 24 * * *', 'spec.defaults.rotation.window.schedule: must have hours from 0 to 23', defaults, 'fills in a window and every length of time as well', rotates, 'operator'],
  ['defaults.rotation.window.duration', '2h', '200h', 'spec.defaults.rotation.window.duration: must be a duration from 5m to 168h, such as 5m or 168h', defaults, 'fills in a window and every length of time as well', rotates],
  ['defaults.rotation.window.timeZone', 'Europe/Berlin', 'Mars/Base', 'spec.defaults.rotation.window.timeZone: must be an IANA time zone, such as Europe/Berlin', defaults, 'fills in a window and every length of time as well', rotates, 'operator'],
  ['defaults.rotation.overlap', '24h', '169h', 'spec.defaults.rotation.overlap: must be a duration from 1m to 168h, such as 1m or 168h', defaults, 'gives no overlap that is longer than the interval', {}],
  ['defaults.tokens.accessTTL', '10m', '25h', 'spec.defaults.tokens.accessTTL: must be a duration from 1m to 24h, such as 1m or 24h', defaults, 'fills in what the client leaves open', {}],
  ['defaults.tokens.idTTL', '10m', '25h', 'spec.defaults.tokens.idTTL: must be a duration from 1m to 24h, such as 1m or 24h', defaults, 'fills in a window and every length of time as well', {}],
  ['defaults.tokens.refreshTTL', '24h', '1m', 'spec.defaults.tokens.refreshTTL: must be a duration from 5m to 2160h, such as 5m or 2160h', defaults, 'fills in a window and every length of time as well', {}],
  ['defaults.tokens.format', 'opaque', 'saml', 'spec.defaults.tokens.format: supported values: "jwt", "opaque"', defaults, 'fills in what the client leaves open', {}],
  ['defaults.tokens.idClaims', 'Minimal', 'All', 'spec.defaults.tokens.idClaims: supported values: "Scopes", "Minimal"', defaults, 'gives the claims of ID tokens, but never to FAPI2, which fixes them', {}],
  ['defaults.secret.presets', ['Spring'], ['Bugzilla'], `spec.defaults.secret.presets[0]: supported values: ${named(presets)}`, defaults, 'fills in what the client leaves open', {}],
  ['rotation.minSpacing', '1h', '25h', 'spec.rotation.minSpacing: must be a duration from 0s to 24h, such as 0s or 24h', `${decide}/rotation.test.ts`, 'waits for the spacing of the policy', {}],
  ['rotation.maxOverlap', '24h', '169h', 'spec.rotation.maxOverlap: must be a duration from 1m to 168h, such as 1m or 168h', checks, 'limits the overlap', {}],
]
