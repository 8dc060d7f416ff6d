// Clients of Dex (staticClients), Authelia (identity_providers.oidc.clients) and Ory Hydra (OAuth2Client).
import { isJsonRecord } from '@nauthera/runtime/json'
import { FieldReader, readSecretValue } from './foreign-client.ts'
import type { ForeignClient, ForeignClients, JsonFields } from './foreign-client.ts'

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => (isJsonRecord(inner) ? inner[name] : undefined), value)

const each = (list: unknown, read: (fields: JsonFields) => ForeignClient): ForeignClients | undefined =>
  Array.isArray(list) ? { clients: list.filter(isJsonRecord).map(read), skipped: [] } : undefined

/** The file of Dex, or the values of its chart. */
export const readDex = (file: unknown): ForeignClients | undefined =>
  each(at(file, 'staticClients') ?? at(file, 'config', 'staticClients'), (fields) => {
    const read = new FieldReader(fields)
    const { secret, why } = readSecretValue(read.text('secret'))
    read.leave('secretEnv', 'it is a variable of Dex; the operator makes a new one')
    read.leave('idEnv', 'it is a variable of Dex: write its value into spec.clientId')
    read.leave('trustedPeers', 'a token for another client: make that one an API, and list it in spec.audiences')
    read.leave('ssoSharedWith', 'a session is shared by all clients')
    read.leave('allowedConnectors', 'choose people by spec.access.allowedGroups')
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
      leftOut: [...(why === undefined ? [] : [{ field: 'secret', why }]), ...read.leftOut, ...read.rest()],
    }
  })

const acrs: Readonly<Record<string, JsonFields>> = {
  two_factor: { access: { requiredAcr: ['urn:nauthera:mfa'] } },
  one_factor: {},
  deny: { suspended: true },
}

/** `id`, `description` and `secret` are the names of before 4.38. */
export const readAuthelia = (file: unknown): ForeignClients | undefined =>
  each(at(file, 'identity_providers', 'oidc', 'clients'), (fields) => {
    const read = new FieldReader(fields)
    const { secret, why } = readSecretValue(read.text('client_secret') ?? read.text('secret'))
    const policy = read.text('authorization_policy') ?? 'two_factor'
    if (acrs[policy] === undefined)
      read.leave('authorization_policy', `${policy} is a policy of Authelia: see spec.access`)
    if (read.text('consent_mode') === 'implicit')
      read.leave('consent_mode', 'people are asked once; consent: Skip needs a policy with allow.consent')
    read.leave('lifespan', 'set spec.tokens')
    read.leave('claims_policy', 'spec.claims makes claims of groups')
    read.leave('request_uris', 'signed requests are sent by PAR')
    read.leave('pre_configured_consent_duration', 'consent has no end; people take it back in their account')
    read.ignore('response_types', 'response_modes', 'pkce_challenge_method', 'allow_multiple_auth_methods')
    read.ignore('token_endpoint_auth_signing_alg', 'requested_audience_mode', 'authorization_signed_response_alg')
    read.ignore('introspection_signed_response_alg', 'revocation_endpoint_auth_method')
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
        ...acrs[policy],
        ...(read.flag('require_pkce') ? { pkce: 'Required' } : {}),
        ...(read.flag('require_pushed_authorization_requests') ? { par: true } : {}),
        ...(read.text('consent_mode') === 'explicit' ? { consent: 'Explicit' } : {}),
        ...tokens,
        ...sharedSpec(read, access),
      },
      leftOut: [...(why === undefined ? [] : [{ field: 'client_secret', why }]), ...read.leftOut, ...read.rest()],
    }
  })

/** What `hydra list oauth2-clients --format json` or the admin API prints, or one client. */
export function readHydra(file: unknown): ForeignClients | undefined {
  const list = at(file, 'items') ?? at(file, 'clients') ?? (at(file, 'client_id') === undefined ? file : [file])
  const isHydra = (one: unknown) => typeof at(one, 'client_id') === 'string'
  if (!Array.isArray(list) || !list.every(isHydra)) return undefined
  return each(list, (fields) => {
    const read = new FieldReader(fields)
    const { secret, why } = readSecretValue(read.text('client_secret'))
    const method = read.text('token_endpoint_auth_method')
    const isPublic = method === 'none'
    read.ignore('created_at', 'updated_at', 'client_secret_expires_at', 'registration_client_uri', 'response_types')
    read.ignore('registration_access_token', 'owner', 'jwks_uri', 'token_endpoint_auth_signing_alg')
    read.leave('metadata', 'put it into labels or annotations')
    if (read.flag('skip_consent'))
      read.leave('skip_consent', 'people are asked once; consent: Skip needs a policy with allow.consent')
    read.leave('frontchannel_logout_uri', 'there is no front-channel logout: set spec.logout.backchannelURI')
    read.leave('frontchannel_logout_session_required', 'there is no front-channel logout')
    read.leave('request_uris', 'signed requests are sent by PAR')
    read.leave('skip_logout_consent', 'people are asked before they sign out without a hint')
    const lives = Object.keys(fields).filter((name) => name.endsWith('_lifespan'))
    for (const name of lives) read.leave(name, 'set spec.tokens')
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
        ...read.leftOut,
        ...read.rest(),
      ],
    }
  })
}

/** What both have in the words of RFC 7591. */
function metadataOf(
  read: FieldReader,
  { id = 'client', name }: { readonly id: string | undefined; readonly name: string | undefined },
): Omit<ForeignClient, 'isPublic' | 'spec' | 'leftOut'> {
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
