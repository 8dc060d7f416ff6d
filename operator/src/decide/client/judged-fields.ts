// What policies judge of a client, each as a list of texts: as the operator reads it, and as CEL reads it.
import { meaningOf, typesWhere } from '@nauthera/rules/client-types'
import { clusterOf, defaultClientId, tenantOf } from '@nauthera/rules/tenants'
import { loopbackHosts } from '@nauthera/rules/uris'
import { celHas, celList } from '../../api/cel-text.ts'
import {
  authMethodInCel,
  authMethodOf,
  grantTypesInCel,
  grantTypesOf,
  hasDatedSecret,
  pkceOf,
  scopesInCel,
  scopesOf,
} from '../../api/in-effect.ts'
import type { OIDCClient, OIDCClientSpec } from '../../api/oidc-client.ts'
import { networkHost } from './allowed-hosts.ts'

/** A list of texts that a client comes to. Fewer of them is never looser. */
export interface JudgedField {
  /** Of its variable in CEL. */
  readonly name: string
  /** In the documentation. */
  readonly words: string
  readonly of: (client: OIDCClient) => readonly string[]
  /** @param spec what CEL calls the spec. Defaults of policies are not in it: where these decide, CEL finds nothing
   *  @returns CEL of the same list; undefined where only the operator can tell */
  readonly inCel: ((spec: string) => string) | undefined
}

const judged = (
  name: string,
  words: string,
  of: (spec: OIDCClientSpec, metadata: OIDCClient['metadata']) => readonly string[],
  inCel: JudgedField['inCel'],
): JudgedField => ({ name, words, of: ({ spec, metadata }) => of(spec, metadata), inCel })

type UriField = 'redirectURIs' | 'postLogoutRedirectURIs'

/** A policy lists no IPv6 address, which has many forms: the operator alone reads those. */
const hosts = (field: UriField): JudgedField =>
  judged(
    `${field}Hosts`,
    `hosts of \`${field}\``,
    (spec) => (spec[field] ?? []).flatMap(networkHost),
    (spec) =>
      `(has(${spec}.${field}) ? ${spec}.${field} : [])` +
      `.filter(u, (u.startsWith('https://') || u.startsWith('http://')) && !u.contains('://['))` +
      `.map(u, u.split('/')[2].split('?')[0].split(':')[0].lowerAscii())` +
      `.filter(h, !(h in ${celList(loopbackHosts)}))`,
  )

const plainHttp = (field: UriField): JudgedField =>
  judged(
    `${field}ByHttp`,
    `http in \`${field}\``,
    (spec) => (spec[field] ?? []).filter((uri) => uri.startsWith('http://')),
    (spec) => `(has(${spec}.${field}) ? ${spec}.${field} : []).filter(u, u.startsWith('http://'))`,
  )

const list = (field: 'audiences' | 'authorizationDetailsTypes'): JudgedField =>
  judged(
    field,
    `\`${field}\``,
    (spec) => spec[field] ?? [],
    (spec) => `has(${spec}.${field}) ? ${spec}.${field} : []`,
  )

/** One text, where the client has it. */
const text = (
  name: string,
  path: string,
  words: string,
  of: (spec: OIDCClientSpec) => string | undefined,
): JudgedField =>
  judged(
    name,
    words,
    (spec) => [of(spec) ?? []].flat(),
    (spec) => `${celHas(spec, path)} ? [${spec}.${path}] : []`,
  )

/** Whether something holds, as a list of one text or none. */
const flag = (
  name: string,
  words: string,
  holds: (spec: OIDCClientSpec, metadata: OIDCClient['metadata']) => boolean,
  inCel: JudgedField['inCel'],
): JudgedField =>
  judged(
    name,
    words,
    (spec, metadata) => (holds(spec, metadata) ? ['yes'] : []),
    inCel && ((spec) => `${inCel(spec)} ? ['yes'] : []`),
  )

const redirects = (spec: string): string => `${spec}.type in ${celList(typesWhere((meaning) => meaning.redirects))}`

const foreignAccounts = (spec: string): string =>
  `(${celHas(spec, 'auth.identities')} ? ${spec}.auth.identities : [])` +
  `.filter(i, ${celHas('i', 'serviceAccount.namespace')} && i.serviceAccount.namespace != variables.tenantNamespace)` +
  `.map(i, i.serviceAccount.namespace + '/' + i.serviceAccount.name)`

export const judgedFields = {
  type: judged(
    'type',
    '`type`',
    ({ type }) => [type],
    (spec) => `[${spec}.type]`,
  ),
  grantTypes: judged('grantTypes', '`grantTypes` in effect', grantTypesOf, grantTypesInCel),
  method: judged(
    'method',
    'the method of authentication in effect',
    (spec) => [authMethodOf(spec)],
    (spec) => `[${authMethodInCel(spec)}]`,
  ),
  scopes: judged('scopes', '`scopes` in effect', scopesOf, scopesInCel),
  audiences: list('audiences'),
  authorizationDetailsTypes: list('authorizationDetailsTypes'),
  identifier: text(
    'identifier',
    'resourceServer.identifier',
    '`resourceServer.identifier`',
    ({ resourceServer }) => resourceServer?.identifier,
  ),
  consent: judged(
    'consent',
    '`consent` in effect; type M2M has none',
    ({ type, consent }) => (type === 'M2M' ? [] : [consent ?? 'Remember']),
    (spec) => `${spec}.type == 'M2M' ? [] : [has(${spec}.consent) ? ${spec}.consent : 'Remember']`,
  ),
  issuers: judged(
    'issuers',
    'issuers in `auth.identities`',
    ({ auth }) => (auth?.identities ?? []).flatMap(({ issuer }) => issuer ?? []),
    (spec) =>
      `(${celHas(spec, 'auth.identities')} ? ${spec}.auth.identities : []).filter(i, has(i.issuer)).map(i, i.issuer)`,
  ),
  redirectHosts: hosts('redirectURIs'),
  postLogoutHosts: hosts('postLogoutRedirectURIs'),
  redirectHttp: plainHttp('redirectURIs'),
  postLogoutHttp: plainHttp('postLogoutRedirectURIs'),
  ownClientId: judged(
    'ownClientId',
    'a `clientId` that is not the default',
    ({ clientId }, metadata) =>
      clientId === undefined || clientId === defaultClientId(metadata) || metadata.moved !== undefined
        ? []
        : [clientId],
    (spec) =>
      `has(${spec}.clientId) && ${spec}.clientId != (variables.cluster == '' ? variables.tenantNamespace + '.' : variables.cluster + '_') + object.metadata.name ? [${spec}.clientId] : []`,
  ),
  existingSecret: flag(
    'existingSecret',
    '`secret.existingSecretRef`',
    ({ secret }) => secret?.existingSecretRef !== undefined,
    (spec) => celHas(spec, 'secret.existingSecretRef'),
  ),
  verifiers: flag(
    'verifiers',
    '`secret.verifiers`; of a mirror never, which has nothing else',
    ({ secret }, { namespace }) => secret?.verifiers !== undefined && clusterOf(namespace) === undefined,
    (spec) => `variables.cluster == '' && ${celHas(spec, 'secret.verifiers')}`,
  ),
  optionalPkce: flag(
    'optionalPKCE',
    '`pkce: Optional`',
    ({ pkce }) => pkce === 'Optional',
    (spec) => `has(${spec}.pkce) && ${spec}.pkce == 'Optional'`,
  ),
  foreignServiceAccounts: judged(
    'foreignServiceAccounts',
    'ServiceAccounts of other namespaces in `auth.identities`',
    ({ auth }, metadata) =>
      (auth?.identities ?? []).flatMap(({ serviceAccount }) =>
        serviceAccount?.namespace === undefined || serviceAccount.namespace === tenantOf(metadata).namespace
          ? []
          : [`${serviceAccount.namespace}/${serviceAccount.name}`],
      ),
    foreignAccounts,
  ),
  resourceServer: flag(
    'resourceServer',
    '`resourceServer`',
    ({ resourceServer }) => resourceServer !== undefined,
    (spec) => `has(${spec}.resourceServer)`,
  ),
  tokenExchange: judged(
    'tokenExchange',
    '`token_exchange` in `grantTypes`',
    (spec) => grantTypesOf(spec).filter((grant) => grant === 'token_exchange'),
    (spec) => `(${grantTypesInCel(spec)}).filter(g, g == 'token_exchange')`,
  ),
  withoutPar: flag(
    'withoutPAR',
    '`par` is not true; types M2M and Device need none',
    ({ type, par }) => meaningOf(type).redirects && par !== true,
    (spec) => `${redirects(spec)} && !(has(${spec}.par) && ${spec}.par)`,
  ),
  weakPkce: judged(
    'weakPKCE',
    '`pkce` in effect is not Required',
    (spec) => [pkceOf(spec)].filter((mode) => meaningOf(spec.type).redirects && mode !== 'Required'),
    // one that says nothing gets Required from the policy
    (spec) => `${redirects(spec)} && has(${spec}.pkce) && ${spec}.pkce != 'Required' ? [${spec}.pkce] : []`,
  ),
  withoutDpop: flag(
    'withoutDPoP',
    '`dpop` is not true',
    ({ dpop }) => dpop !== true,
    (spec) => `!(has(${spec}.dpop) && ${spec}.dpop)`,
  ),
  withoutRotation: flag(
    'withoutRotation',
    'no `rotation.interval` in effect, of a client with a secret',
    (spec) => hasDatedSecret(spec) && spec.rotation?.interval === undefined,
    // defaults of other policies may have one
    undefined,
  ),
  accessTTL: text('accessTTL', 'tokens.accessTTL', '`tokens.accessTTL`', ({ tokens }) => tokens?.accessTTL),
  apiAccessTTL: text(
    'apiAccessTTL',
    'resourceServer.tokens.accessTTL',
    '`resourceServer.tokens.accessTTL`',
    ({ resourceServer }) => resourceServer?.tokens?.accessTTL,
  ),
  idTTL: text('idTTL', 'tokens.idTTL', '`tokens.idTTL`', ({ tokens }) => tokens?.idTTL),
  refreshTTL: text('refreshTTL', 'tokens.refreshTTL', '`tokens.refreshTTL`', ({ tokens }) => tokens?.refreshTTL),
  overlap: text('overlap', 'rotation.overlap', '`rotation.overlap`', ({ rotation }) => rotation?.overlap),
} as const satisfies Readonly<Record<string, JudgedField>>
