// Clients of a Keycloak realm export (ClientRepresentation).
import { hasShape, isJsonRecord } from '@nauthera/runtime/json'
import { FieldReader, left, readSecretValue, restraint, to, unknownIsRestraint } from './foreign-client.ts'
import type { FieldTable, ForeignClient, ForeignClients, JsonFields } from './foreign-client.ts'

/** Keycloak makes them in each realm, for itself. */
const builtIn = ['account', 'account-console', 'admin-cli', 'broker', 'realm-management', 'security-admin-console']

/** @returns undefined for what is no export of Keycloak */
export function readKeycloak(file: unknown): ForeignClients | undefined {
  const list: unknown = isJsonRecord(file) ? (file['clients'] ?? ('clientId' in file ? [file] : undefined)) : file
  if (!Array.isArray(list) || !list.every(isRepresentation)) return undefined
  const clients: ForeignClient[] = []
  const skipped: { id: string; why: string }[] = []
  for (const fields of list) {
    const id = fields.clientId
    const why = whySkipped(id, fields)
    if (why === undefined) clients.push(readClientRepresentation(id, fields))
    else skipped.push({ id, why })
  }
  return { clients, skipped }
}

const isRepresentation = (value: unknown): value is JsonFields & { readonly clientId: string } =>
  hasShape(value, { required: { clientId: 'string' } })

function whySkipped(id: string, { protocol, bearerOnly }: JsonFields): string | undefined {
  if (builtIn.includes(id)) return 'Keycloak made it for itself'
  if (typeof protocol === 'string' && protocol !== 'openid-connect') return `its protocol is ${protocol}`
  return bearerOnly === true
    ? 'it is only an API (bearerOnly): give the client that has its users spec.resourceServer'
    : undefined
}

const methods: Readonly<Record<string, string>> = {
  'client-secret': 'client_secret',
  'client-jwt': 'private_key_jwt',
  'client-x509': 'tls_client_auth',
}

const flowOfItsOwn = restraint(
  'people sign in there by a flow of its own; see spec.access, and spec.require of an OIDCPolicy',
)
const noFrontChannel = left('there is no front-channel logout: set spec.logout.backchannelURI')
const noAuthorization = left('there are no authorization services; the API decides')
const levelOfSignIn = restraint('it asks for a level of sign-in: set spec.access.requiredAcr')

const clientTable: FieldTable = {
  own: [
    'clientId',
    'id',
    'protocol',
    'bearerOnly',
    'fullScopeAllowed',
    'surrogateAuthRequired',
    'notBefore',
    'type',
    'nodeReRegistrationTimeout',
    'registeredNodes',
    'alwaysDisplayInConsole',
    'access',
    'defaultRoles',
    'adminUrl',
    'origin',
    'registrationAccessToken',
    'attributes',
    'defaultClientScopes',
    'optionalClientScopes',
    'baseUrl',
    'rootUrl',
    'protocolMappers',
    'secret',
    'directGrantsOnly',
    'clientTemplate',
    'useTemplateConfig',
    'useTemplateScope',
    'useTemplateMappers',
  ],
  fates: {
    name: to('displayName'),
    description: to('description'),
    enabled: to('suspended'),
    publicClient: to('type'),
    clientAuthenticatorType: to('auth.method'),
    redirectUris: to('redirectURIs'),
    webOrigins: to('corsOrigins'),
    standardFlowEnabled: to('grantTypes'),
    serviceAccountsEnabled: to('grantTypes'),
    consentRequired: to('consent'),
    implicitFlowEnabled: left('there is no implicit flow: use the code flow with PKCE'),
    directAccessGrantsEnabled: left('there is no password grant: people sign in with a browser'),
    authorizationServicesEnabled: noAuthorization,
    authorizationSettings: noAuthorization,
    frontchannelLogout: noFrontChannel,
    authenticationFlowBindingOverrides: flowOfItsOwn,
  },
  others: unknownIsRestraint,
}

/** Extensions write attributes of their own. */
const otherAttribute = () => left('this command does not know it; look whether you need it')

const attributeTable: FieldTable = {
  own: [
    'realm_client',
    'client.secret.creation.time',
    'display.on.consent.screen',
    'login_theme',
    'backchannel.logout.revoke.offline.tokens',
    'acr.loa.map',
    'client_credentials.use_refresh_token',
    'use.refresh.tokens',
    'require.pushed.authorization.requests.default',
    'use.jwks.url',
  ],
  fates: {
    'post.logout.redirect.uris': to('postLogoutRedirectURIs'),
    'oauth2.device.authorization.grant.enabled': to('grantTypes'),
    'access.token.lifespan': to('tokens.accessTTL'),
    'jwks.url': to('auth.jwksURI'),
    'x509.subjectdn': to('auth.tls.subjectDN'),
    'backchannel.logout.url': to('logout.backchannelURI'),
    'backchannel.logout.session.required': to('logout.sessionRequired'),
    'id.token.signed.response.alg': to('signing.idToken'),
    'access.token.signed.response.alg': to('signing.accessToken'),
    'user.info.response.signature.alg': to('signing.userinfo'),
    logoUri: to('uris.logo'),
    policyUri: to('uris.policy'),
    tosUri: to('uris.tos'),
    'pkce.code.challenge.method': to('pkce'),
    'require.pushed.authorization.requests': to('par'),
    'dpop.bound.access.tokens': to('dpop'),
    'tls.client.certificate.bound.access.tokens': to('certificateBoundTokens'),
    'request.object.required': to('signedRequestObject'),
    'default.acr.values': levelOfSignIn,
    'minimum.acr.value': levelOfSignIn,
    'frontchannel.logout.url': noFrontChannel,
    'oidc.ciba.grant.enabled': left('there is no CIBA'),
    'standard.token.exchange.enabled': left('set grantTypes: [token_exchange] on the API that exchanges tokens'),
  },
  others: otherAttribute,
}

function readClientRepresentation(id: string, fields: JsonFields): ForeignClient {
  const read = new FieldReader(fields, clientTable)
  const attributes = new FieldReader(read.record('attributes'), attributeTable)
  const reports = [read.report(), attributes.report('attributes.')]
  const isPublic = read.flag('publicClient') ?? false
  const authenticator = read.text('clientAuthenticatorType') ?? 'client-secret'
  const { secret, why } = readSecretValue(read.text('secret'))
  const root = read.text('rootUrl')
  const redirects = redirectsOf(read.texts('redirectUris') ?? [], root)
  const grantTypes = [
    ...(read.flag('standardFlowEnabled') === false ? [] : ['authorization_code', 'refresh_token']),
    ...(read.flag('serviceAccountsEnabled') ? ['client_credentials'] : []),
    ...(attributes.flag('oauth2.device.authorization.grant.enabled')
      ? ['urn:ietf:params:oauth:grant-type:device_code']
      : []),
  ]
  const scopes = scopesOf(read)
  const name = read.text('name')
  const description = read.text('description')
  const home = [read.text('baseUrl'), root].find((one) => one?.startsWith('https://') === true)
  return {
    id,
    ...(name === undefined || name.startsWith('${') ? {} : { name }),
    ...(description === undefined || description.startsWith('${') ? {} : { description }),
    isSuspended: read.flag('enabled') === false,
    isPublic,
    ...(isPublic ? {} : { method: methods[authenticator] ?? authenticator }),
    ...(isPublic || authenticator !== 'client-secret' || secret === undefined ? {} : { secret }),
    redirectURIs: redirects,
    ...logoutRedirects(attributes.text('post.logout.redirect.uris'), redirects, root),
    ...originsOf(read.texts('webOrigins') ?? []),
    grantTypes,
    scopes: scopes.known,
    spec: specOf(read, attributes, home),
    leftOut: [
      ...(why === undefined || isPublic ? [] : [{ field: 'secret', why }]),
      ...scopes.leftOut,
      ...mappersLeft(read),
      ...reports.flatMap(({ leftOut }) => leftOut),
    ],
    restraints: reports.flatMap(({ restraints }) => restraints),
  }
}

const isRequired = (text: string | undefined): boolean => text !== undefined && text !== 'not required'

/** Those that begin with / are below the root URL. */
const absolute = (uri: string, root: string | undefined): string =>
  uri.startsWith('/') && root !== undefined ? `${root.replace(/\/$/, '')}${uri}` : uri

const redirectsOf = (uris: readonly string[], root: string | undefined): readonly string[] =>
  uris.map((uri) => absolute(uri, root))

/** `+` means the redirect URIs; several have ## between them. */
function logoutRedirects(
  text: string | undefined,
  redirects: readonly string[],
  root: string | undefined,
): Pick<ForeignClient, 'postLogoutRedirectURIs'> {
  if (text === undefined || text === '-') return {}
  const uris = text.split('##').flatMap((uri) => (uri === '+' ? redirects : [absolute(uri, root)]))
  return { postLogoutRedirectURIs: [...new Set(uris)] }
}

/** `+` means the origins of the redirect URIs, which is our default for an SPA. */
function originsOf(origins: readonly string[]): Pick<ForeignClient, 'corsOrigins'> {
  const said = origins.filter((one) => one !== '+' && one !== '')
  return said.length === 0 ? {} : { corsOrigins: said }
}

const ourScopes = ['profile', 'email', 'address', 'phone', 'offline_access', 'groups']
/** Scopes that Keycloak has for itself. */
const ownScopes = ['web-origins', 'acr', 'roles', 'basic', 'service_account', 'role_list', 'openid']

function scopesOf(read: FieldReader): { known: readonly string[]; leftOut: ForeignClient['leftOut'] } {
  const all = [...(read.texts('defaultClientScopes') ?? []), ...(read.texts('optionalClientScopes') ?? [])]
  const others = all.filter((one) => !ourScopes.includes(one) && !ownScopes.includes(one))
  return {
    known: ['openid', ...ourScopes.filter((one) => all.includes(one) || (one === 'groups' && all.length > 0))],
    leftOut: others.map((scope) => ({
      field: `client scope ${scope}`,
      why: 'a scope of an API belongs in resourceServer.scopes of its OIDCClient, a claim into spec.claims',
    })),
  }
}

const mappersLeft = (read: FieldReader): ForeignClient['leftOut'] =>
  read.records('protocolMappers').map(({ name, protocolMapper }) => ({
    field: `mapper ${String(name)}`,
    why:
      protocolMapper === 'oidc-group-membership-mapper'
        ? 'the scope groups has the claim groups'
        : protocolMapper === 'oidc-audience-mapper'
          ? 'add the identifier of the API to spec.audiences'
          : 'spec.claims makes claims of the groups of a person; others are not made',
  }))

function specOf(read: FieldReader, attributes: FieldReader, home: string | undefined): Record<string, unknown> {
  const lifespan = attributes.text('access.token.lifespan')
  const jwksURI = attributes.text('jwks.url')
  const subjectDN = attributes.text('x509.subjectdn')
  const backchannel = attributes.text('backchannel.logout.url')
  const [idToken, accessToken, userinfo] = [
    'id.token.signed.response.alg',
    'access.token.signed.response.alg',
    'user.info.response.signature.alg',
  ].map((name) => attributes.text(name))
  const uris = {
    ...set('client', home),
    ...set('logo', attributes.text('logoUri')),
    ...set('policy', attributes.text('policyUri')),
    ...set('tos', attributes.text('tosUri')),
  }
  const sessionRequired = attributes.flag('backchannel.logout.session.required')
  return {
    ...(attributes.text('pkce.code.challenge.method') === 'S256' ? { pkce: 'Required' } : {}),
    ...(attributes.flag('require.pushed.authorization.requests') ? { par: true } : {}),
    ...(attributes.flag('dpop.bound.access.tokens') ? { dpop: true } : {}),
    ...(isRequired(attributes.text('request.object.required')) ? { signedRequestObject: true } : {}),
    ...(attributes.flag('tls.client.certificate.bound.access.tokens') ? { certificateBoundTokens: true } : {}),
    ...(read.flag('consentRequired') ? { consent: 'Remember' } : {}),
    ...(lifespan === undefined ? {} : { tokens: { accessTTL: `${lifespan}s` } }),
    ...set(
      'signing',
      group({ ...set('idToken', idToken), ...set('accessToken', accessToken), ...set('userinfo', userinfo) }),
    ),
    ...set('auth', group({ ...set('jwksURI', jwksURI), ...set('tls', subjectDN && { subjectDN }) })),
    ...set('logout', backchannel && { backchannelURI: backchannel, ...(sessionRequired ? { sessionRequired } : {}) }),
    ...set('uris', group(uris)),
  }
}

const set = (name: string, value: unknown): Record<string, unknown> =>
  value === undefined || value === '' ? {} : { [name]: value }

const group = (fields: Record<string, unknown>): Record<string, unknown> | undefined =>
  Object.keys(fields).length === 0 ? undefined : fields
