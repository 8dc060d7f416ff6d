// Clients of Dex (staticClients), Authelia (identity_providers.oidc.clients) and Ory Hydra (OAuth2Client).
import { isJsonRecord } from '@nauthera/runtime/json'
import { FieldReader, left, readSecretValue, restraint, to, unknownIsRestraint } from './foreign-client.ts'
import type { FieldFate, FieldTable, ForeignClient, ForeignClients, JsonFields } from './foreign-client.ts'

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => (isJsonRecord(inner) ? inner[name] : undefined), value)

const each = (list: unknown, read: (fields: JsonFields) => ForeignClient): ForeignClients | undefined =>
  Array.isArray(list) ? { clients: list.filter(isJsonRecord).map(read), skipped: [] } : undefined

const dexTable: FieldTable = {
  own: ['secret'],
  fates: {
    id: to('clientId'),
    name: to('displayName'),
    logoURL: to('uris.logo'),
    public: to('type'),
    redirectURIs: to('redirectURIs'),
    secretEnv: left('it is a variable of Dex; the operator makes a new one'),
    idEnv: left('it is a variable of Dex: write its value into spec.clientId'),
    trustedPeers: left('a token for another client: make that one an API, and list it in spec.audiences'),
    ssoSharedWith: left('a session is shared by all clients'),
    allowedConnectors: restraint(
      'only people of these connectors may use it: choose them by spec.access.allowedGroups',
    ),
  },
  others: unknownIsRestraint,
}

/** The file of Dex, or the values of its chart. */
export const readDex = (file: unknown): ForeignClients | undefined =>
  each(at(file, 'staticClients') ?? at(file, 'config', 'staticClients'), (fields) => {
    const read = new FieldReader(fields, dexTable)
    const { secret, why } = readSecretValue(read.text('secret'))
    const { leftOut, restraints } = read.report()
    const name = read.text('name')
    const logo = read.text('logoURL')
    const id = read.text('id')
    const isPublic = read.flag('public') ?? false
    return {
      id: id ?? name ?? 'client',
      ...(name === undefined ? {} : { name }),
      isPublic,
      ...(secret === undefined || isPublic ? {} : { secret }),
      redirectURIs: read.texts('redirectURIs') ?? [],
      grantTypes: ['authorization_code', 'refresh_token'],
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      spec: logo?.startsWith('https://') ? { uris: { logo } } : {},
      leftOut: [...(why === undefined ? [] : [{ field: 'secret', why }]), ...leftOut],
      restraints,
    }
  })

const acrs: Readonly<Record<string, JsonFields>> = {
  two_factor: { access: { requiredAcr: ['urn:nauthera:mfa'] } },
  one_factor: {},
  deny: { suspended: true },
}

const acrOf = (policy: string): JsonFields | undefined => (Object.hasOwn(acrs, policy) ? acrs[policy] : undefined)

/** What Authelia and Hydra have in the words of RFC 7591. */
const metadata: Omit<FieldTable, 'others'> = {
  own: ['response_types', 'token_endpoint_auth_signing_alg'],
  fates: {
    client_id: to('clientId'),
    client_name: to('displayName'),
    redirect_uris: to('redirectURIs'),
    post_logout_redirect_uris: to('postLogoutRedirectURIs'),
    allowed_cors_origins: to('corsOrigins'),
    grant_types: to('grantTypes'),
    scopes: to('scopes'),
    audience: to('audiences'),
    token_endpoint_auth_method: to('auth.method'),
    jwks: to('auth.jwks'),
    jwks_uri: to('auth.jwksURI'),
    id_token_signed_response_alg: to('signing.idToken'),
    userinfo_signed_response_alg: to('signing.userinfo'),
    backchannel_logout_uri: to('logout.backchannelURI'),
    backchannel_logout_session_required: to('logout.sessionRequired'),
    client_uri: to('uris.client'),
    logo_uri: to('uris.logo'),
    policy_uri: to('uris.policy'),
    tos_uri: to('uris.tos'),
    contacts: to('contacts'),
    sector_identifier_uri: to('sectorIdentifierURI'),
    request_uris: left('signed requests are sent by PAR'),
    request_object_signing_alg: left(
      'requests may be signed with any algorithm of the keys; see spec.signedRequestObject',
    ),
  },
}

const otherOfAuthelia = (name: string): FieldFate =>
  /_key_id$|_encrypt(?:ed|ion)_/.test(name)
    ? left('keys are those of the server, and nothing is encrypted')
    : unknownIsRestraint()

const autheliaTable: FieldTable = {
  own: [
    ...metadata.own,
    'client_secret',
    'secret',
    'response_modes',
    'pkce_challenge_method',
    'allow_multiple_auth_methods',
    'requested_audience_mode',
    'authorization_signed_response_alg',
    'introspection_signed_response_alg',
    'revocation_endpoint_auth_method',
    'revocation_endpoint_auth_signing_alg',
    'introspection_endpoint_auth_method',
    'introspection_endpoint_auth_signing_alg',
    'pushed_authorization_request_endpoint_auth_method',
    'pushed_authorization_request_endpoint_auth_signing_alg',
  ],
  fates: {
    ...metadata.fates,
    id: to('clientId'),
    description: to('displayName'),
    public: to('type'),
    access_token_signed_response_alg: to('signing.accessToken'),
    require_pkce: to('pkce'),
    require_pushed_authorization_requests: to('par'),
    consent_mode: (value) =>
      value === 'implicit'
        ? left('people are asked once; consent: Skip needs a policy with allow.consent')
        : to('consent'),
    authorization_policy: (value) =>
      typeof value === 'string' && acrOf(value) !== undefined
        ? to('access.requiredAcr')
        : restraint(`${String(value)} is a policy of its own: see spec.access`),
    lifespan: left('set spec.tokens'),
    claims_policy: left('spec.claims makes claims of groups'),
    pre_configured_consent_duration: left('consent has no end; people take it back in their account'),
  },
  others: otherOfAuthelia,
}

const pushed = 'require_pushed_authorization_requests'

/** `id`, `description` and `secret` are the names of before 4.38. */
export function readAuthelia(file: unknown): ForeignClients | undefined {
  const ofAll = (name: string) => at(file, 'identity_providers', 'oidc', name)
  return each(ofAll('clients'), (fields) => {
    const read = new FieldReader(fields, autheliaTable)
    const { secret, why } = readSecretValue(read.text('client_secret') ?? read.text('secret'))
    const policy = read.text('authorization_policy') ?? 'two_factor'
    const { leftOut, restraints } = read.report()
    const access = algOf(read.text('access_token_signed_response_alg'))
    const tokens = access === undefined ? {} : { tokens: { format: 'jwt' } }
    return {
      ...metadataOf(read, {
        id: read.text('client_id') ?? read.text('id'),
        name: read.text('client_name') ?? read.text('description'),
      }),
      isPublic: read.flag('public') ?? false,
      ...(secret === undefined ? {} : { secret }),
      spec: {
        ...acrOf(policy),
        ...(read.flag('require_pkce') || ofAll('enforce_pkce') === 'always' ? { pkce: 'Required' } : {}),
        ...(read.flag(pushed) || ofAll(pushed) === true ? { par: true } : {}),
        ...(read.text('consent_mode') === 'explicit' ? { consent: 'Explicit' } : {}),
        ...tokens,
        ...sharedSpec(read, access),
      },
      leftOut: [...(why === undefined ? [] : [{ field: 'client_secret', why }]), ...leftOut],
      restraints,
    }
  })
}

const noFrontChannel = left('there is no front-channel logout: set spec.logout.backchannelURI')

const otherOfHydra = (name: string): FieldFate =>
  name.endsWith('_lifespan') ? left('set spec.tokens') : unknownIsRestraint()

const hydraTable: FieldTable = {
  own: [
    ...metadata.own,
    'created_at',
    'updated_at',
    'client_secret',
    'client_secret_expires_at',
    'registration_client_uri',
    'registration_access_token',
    'owner',
  ],
  fates: {
    ...metadata.fates,
    scope: to('scopes'),
    subject_type: to('subjectType'),
    access_token_strategy: to('tokens.format'),
    metadata: left('put it into labels or annotations'),
    skip_consent: left('people are asked once; consent: Skip needs a policy with allow.consent'),
    skip_logout_consent: left('people are asked before they sign out without a hint'),
    frontchannel_logout_uri: noFrontChannel,
    frontchannel_logout_session_required: noFrontChannel,
  },
  others: otherOfHydra,
}

/** What `hydra list oauth2-clients --format json` or the admin API prints, or one client. */
export function readHydra(file: unknown): ForeignClients | undefined {
  const list = at(file, 'items') ?? at(file, 'clients') ?? (at(file, 'client_id') === undefined ? file : [file])
  const isHydra = (one: unknown) => typeof at(one, 'client_id') === 'string'
  if (!Array.isArray(list) || !list.every(isHydra)) return undefined
  return each(list, (fields) => {
    const read = new FieldReader(fields, hydraTable)
    const { secret, why } = readSecretValue(read.text('client_secret'))
    const method = read.text('token_endpoint_auth_method')
    const isPublic = method === 'none'
    const { leftOut, restraints } = read.report()
    const strategy = read.text('access_token_strategy')
    const noSecret = !isPublic && secret === undefined && why === undefined && method !== 'private_key_jwt'
    return {
      ...metadataOf(read, { id: read.text('client_id'), name: read.text('client_name') }),
      isPublic,
      ...(secret === undefined || isPublic ? {} : { secret }),
      ...(at(fields, 'scope') === undefined ? {} : { scopes: (read.text('scope') ?? '').split(' ').filter(Boolean) }),
      spec: {
        ...(strategy === 'jwt' || strategy === 'opaque' ? { tokens: { format: strategy } } : {}),
        ...(read.text('subject_type') === 'pairwise' ? { subjectType: 'pairwise' } : {}),
        ...sharedSpec(read, undefined),
      },
      leftOut: [
        ...(noSecret
          ? [{ field: 'client_secret', why: 'Hydra never shows it again; the operator makes a new one' }]
          : []),
        ...(why === undefined ? [] : [{ field: 'client_secret', why }]),
        ...leftOut,
      ],
      restraints,
    }
  })
}

/** What both have in the words of RFC 7591. */
function metadataOf(
  read: FieldReader,
  { id = 'client', name }: { readonly id: string | undefined; readonly name: string | undefined },
): Omit<ForeignClient, 'isPublic' | 'spec' | 'leftOut' | 'restraints'> {
  const method = read.text('token_endpoint_auth_method')
  const scopes = read.texts('scopes')
  const audiences = read.texts('audience')
  const logout = read.texts('post_logout_redirect_uris')
  const origins = read.texts('allowed_cors_origins')
  return {
    id,
    ...(name === undefined || name === '' ? {} : { name }),
    ...(method === undefined ? {} : { method }),
    redirectURIs: read.texts('redirect_uris') ?? [],
    ...(logout ? { postLogoutRedirectURIs: logout } : {}),
    ...(origins ? { corsOrigins: origins } : {}),
    grantTypes: read.texts('grant_types') ?? ['authorization_code'],
    ...(scopes ? { scopes } : {}),
    ...(audiences ? { audiences } : {}),
  }
}

const algOf = (alg: string | undefined): string | undefined => (alg === 'none' ? undefined : alg)

function sharedSpec(read: FieldReader, accessToken: string | undefined): JsonFields {
  const some = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
  const within = (name: string, fields: Readonly<Record<string, unknown>>): JsonFields =>
    Object.keys(some(fields)).length === 0 ? {} : { [name]: some(fields) }
  const jwks = read.record('jwks')
  const keys = read.records('jwks').map(({ key, ...jwk }) => (isJsonRecord(key) ? key : jwk))
  const backchannelURI = read.text('backchannel_logout_uri')
  const sessionRequired = read.flag('backchannel_logout_session_required') || undefined
  return {
    ...within('auth', {
      jwksURI: read.text('jwks_uri'),
      jwks: Object.keys(jwks).length > 0 ? jwks : keys.length > 0 ? { keys } : undefined,
    }),
    ...within('signing', {
      idToken: algOf(read.text('id_token_signed_response_alg')),
      accessToken,
      userinfo: algOf(read.text('userinfo_signed_response_alg')),
    }),
    ...(backchannelURI === undefined ? {} : within('logout', { backchannelURI, sessionRequired })),
    ...within('uris', {
      client: read.text('client_uri'),
      logo: read.text('logo_uri'),
      policy: read.text('policy_uri'),
      tos: read.text('tos_uri'),
    }),
    ...some({ sectorIdentifierURI: read.text('sector_identifier_uri'), contacts: read.texts('contacts') }),
  }
}
