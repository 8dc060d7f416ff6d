import type Provider from 'oidc-provider'
import type { Configuration, KoaContextWithOIDC, errors } from 'oidc-provider'
import { clientAlgorithms } from '@nauthera/rules/algorithms'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { paths } from '@nauthera/rules/endpoints'
import { servedMethods } from '@nauthera/rules/not-served'
import { claimsByScope, oidcScopes } from '@nauthera/rules/scopes'
import type { Store } from '../../store/store.ts'
import type { LoadedAccount } from '../../store/users.ts'
import { accessOf } from '../clients/access.ts'
import { createAdapter } from '../artefacts/adapter.ts'
import type { AdapterNeeds } from '../artefacts/adapter.ts'
import { claimsFromGroups, claimsOf } from '../claims.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { CookieScope } from '../cookies.ts'
import { grantPayload, mayRefresh } from '../artefacts/grants.ts'
import { consentState, createInteractionPolicy } from '../interaction/interaction-policy.ts'
import type { KeySet } from '../keys/key-set.ts'
import { clockTolerance, lifetimes } from '../lifetimes.ts'
import { loadAccount, loadAccountOf } from '../load-account.ts'
import type { Fetch } from '../outbound-fetch.ts'
import { groupClaims, newId } from './overrides.ts'
import type { SessionModel } from './overrides.ts'
import { currentRequest } from '../request-context.ts'
import { defaultResource, mayIntrospect, resourceServerOf } from '../artefacts/resources.ts'

/** What of the server's settings the protocol needs. */
export interface ProtocolSettings {
  readonly issuer: string
  readonly algorithms: readonly SigningAlgorithm[]
  readonly refreshGraceMs: number
}

/** How the library's pages look: each gets the request's context and writes the whole answer. */
export interface ProtocolPages {
  error(context: KoaContextWithOIDC, out: { error: string; error_description?: string }, error: unknown): void
  logout(context: KoaContextWithOIDC, form: { action: string; xsrf: string }): Promise<void>
  signedOut(context: KoaContextWithOIDC): void
}

export interface ConfigurationNeeds {
  readonly settings: ProtocolSettings
  readonly keys: KeySet
  readonly store: Store
  readonly clients: ClientInstances
  readonly adapter: AdapterNeeds
  readonly scope: CookieScope
  readonly fetch: Fetch
  readonly pages: ProtocolPages
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Our settings and keys -> the library's configuration. Every default of the library that would print a notice, open a
 *  page of its own or keep something in memory is replaced. */
export function buildConfiguration(needs: ConfigurationNeeds): Configuration {
  const { settings, keys, clients, scope, fetch, pages, store } = needs
  const signing = [...settings.algorithms]
  const ttl = timesToLive(needs)
  const configuration = {
    adapter: createAdapter(needs.adapter),
    jwks: { keys: [...keys.signing] },
    fetch,
    clockTolerance,
    scopes: [...oidcScopes],
    claims: {
      ...Object.fromEntries(Object.entries(claimsByScope).map(([name, claims]) => [name, [...claims]])),
      acr: null,
      amr: null,
      auth_time: null,
      sid: null,
      iss: null,
    },
    acrValues: [],
    responseTypes: ['code'],
    subjectTypes: ['public'],
    clientAuthMethods: [...servedMethods],
    clientDefaults: { id_token_signed_response_alg: signing[0] },
    enabledJWA: enabledAlgorithms(signing),
    conformIdTokenClaims: true,
    allowOmittingSingleRegisteredRedirectUri: false,
    acceptQueryParamAccessTokens: false,
    enableHttpPostMethods: false,
    expiresWithSession: async () => false,
    rotateRefreshToken: true,
    revokeGrantPolicy: () => true,
    issueRefreshToken: async (_context: KoaContextWithOIDC, client: object, code: { scopes: Set<string> }) =>
      mayRefresh(clients.registered(client).config, code.scopes),
    pkce: {
      required: (_context: KoaContextWithOIDC, client: object) => clients.registered(client).config.pkceRequired,
    },
    clientBasedCORS: (_context: KoaContextWithOIDC, origin: string, client: object) =>
      clients.registered(client).config.corsOrigins.includes(origin),
    cookies: {
      names: { session: scope.session, interaction: scope.library.pages, resume: scope.library.resume },
      keys: keys.cookies.all('library').map((key) => key.toString('base64url')),
      long: {
        signed: false,
        httpOnly: true,
        overwrite: true,
        sameSite: 'lax' as const,
        path: scope.path,
        secure: scope.secure,
      },
      // `overwrite` goes by the name alone: it would take back the removal of those that lie at other paths
      short: { signed: false, httpOnly: true, overwrite: false, sameSite: 'lax' as const, secure: scope.secure },
    },
    routes: {
      authorization: paths.authorization,
      end_session: paths.endSession,
      introspection: paths.introspection,
      jwks: paths.jwks,
      pushed_authorization_request: paths.pushedRequest,
      revocation: paths.revocation,
      token: paths.token,
      userinfo: paths.userinfo,
    },
    ttl,
    interactions: {
      policy: createInteractionPolicy({ clients }),
      url: (_context: KoaContextWithOIDC, interaction: { uid: string }) =>
        `${new URL(settings.issuer).pathname.replace(/\/$/, '')}${paths.interaction}/${interaction.uid}`,
    },
    findAccount: (context: KoaContextWithOIDC, sub: string, token?: object) => findAccount(context, sub, token, needs),
    loadExistingGrant: async (context: KoaContextWithOIDC) => freshGrant(context, clients),
    renderError: (
      context: KoaContextWithOIDC,
      out: { error: string; error_description?: string },
      error: errors.OIDCProviderError | Error,
    ) => pages.error(context, out, error),
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: true },
      jwtUserinfo: { enabled: true },
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: async (
          _context: KoaContextWithOIDC,
          client: { tokenEndpointAuthMethod?: string },
          token: { clientId?: string; aud?: unknown },
        ) =>
          client.tokenEndpointAuthMethod !== 'none' &&
          clients.registeredById(token.clientId ?? '') !== undefined &&
          mayIntrospect(clients.registered(client), token),
      },
      revocation: {
        enabled: true,
        allowedPolicy: async (
          _context: KoaContextWithOIDC,
          client: { clientId: string },
          token: { clientId?: string },
        ) => token.clientId === client.clientId,
      },
      pushedAuthorizationRequests: {
        enabled: true,
        requirePushedAuthorizationRequests: false,
        allowUnregisteredRedirectUris: false,
      },
      requestObjects: { enabled: true, requireSignedRequestObject: false },
      dPoP: { enabled: true },
      jwtResponseModes: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async (context: KoaContextWithOIDC, client: object, oneOf?: string[]) =>
          defaultResource(clients.registered(client), context.oidc.params?.['grant_type'], oneOf),
        useGrantedResource: async () => false,
        getResourceServerInfo: async (_context: KoaContextWithOIDC, identifier: string, client: object) => {
          const entry = clients.registered(client)
          return resourceServerOf(identifier, entry, {
            clients,
            algorithm: entry.config.idTokenSignedResponseAlg || signing[0]!,
            accessTokenTtl: lifetimes.accessToken,
          })
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (context: KoaContextWithOIDC) =>
          pages.logout(context, {
            action: context.oidc.urlFor('end_session_confirm'),
            xsrf: String((context.oidc.session as unknown as { state: { secret: string } }).state.secret),
          }),
        postLogoutSuccessSource: async (context: KoaContextWithOIDC) => pages.signedOut(context),
      },
    },
  }
  void store
  return configuration as unknown as Configuration
}

/** Times to live, in seconds. Functions of the plain kind: the library wants no other. */
function timesToLive({ clients, now }: ConfigurationNeeds) {
  const configOf = (client: object | undefined) =>
    client === undefined ? undefined : clients.registered(client).config
  return {
    AccessToken: (_context: unknown, token: { resourceServer?: { accessTokenTTL?: number } }, client?: object) =>
      token.resourceServer?.accessTokenTTL || configOf(client)?.accessTokenTtl || lifetimes.accessToken,
    ClientCredentials: (_context: unknown, token: { resourceServer?: { accessTokenTTL?: number } }, client?: object) =>
      token.resourceServer?.accessTokenTTL || configOf(client)?.accessTokenTtl || lifetimes.accessToken,
    IdToken: (_context: unknown, _token: unknown, client?: object) => configOf(client)?.idTokenTtl || lifetimes.idToken,
    RefreshToken: (_context: unknown, _token: unknown, client?: object) =>
      configOf(client)?.refreshTokenTtl || lifetimes.refreshIdle,
    AuthorizationCode: lifetimes.code,
    DeviceCode: lifetimes.interaction,
    Grant: lifetimes.refreshAbsolute,
    Interaction: lifetimes.interaction,
    Session: (_context: unknown, session: SessionModel) => {
      if (session.accountId === undefined) return lifetimes.sessionAnonymous
      const left = (session.until ?? 0) - Math.floor(now() / 1000)
      return Math.max(1, session.transient ? Math.min(lifetimes.sessionIdle, left) : left)
    },
  }
}

/** The algorithms of each use: asymmetric ones with a key. HS* would need a plain secret. */
function enabledAlgorithms(signing: readonly SigningAlgorithm[]) {
  return {
    idTokenSigningAlgValues: [...signing],
    userinfoSigningAlgValues: [...signing],
    authorizationSigningAlgValues: [...signing],
    introspectionSigningAlgValues: [...signing],
    clientAuthSigningAlgValues: [...clientAlgorithms],
    requestObjectSigningAlgValues: [...clientAlgorithms],
    dPoPSigningAlgValues: [...clientAlgorithms],
  }
}

async function findAccount(
  context: KoaContextWithOIDC,
  sub: string,
  token: object | undefined,
  needs: ConfigurationNeeds,
) {
  const client = needs.clients.registered(context.oidc.client!)
  const loaded = token
    ? await loadAccountOf(needs.store, currentRequest().artefact ?? {})
    : await accountOfSession(context, sub, needs)
  if (loaded === undefined || loaded.user.id !== sub) return undefined
  // at an authorization the prompt `access` tells the person; a token is refused
  if (token && accessOf(client.config, loaded.user.groups).kind !== 'allowed') return undefined
  const claims = { ...claimsOf(loaded.user), [groupClaims]: claimsFromGroups(client.config.claims, loaded.user.groups) }
  return { accountId: loaded.user.id, claims: async () => claims }
}

/** The person of the browser's session, with the session itself checked. One that only just begins is in no store yet: it
 *  counts while the account stands as it did when the password was proved. */
async function accountOfSession(
  context: KoaContextWithOIDC,
  sub: string,
  { store, clients }: ConfigurationNeeds,
): Promise<LoadedAccount | undefined> {
  const session = context.oidc.session as unknown as SessionModel
  const { login } = (context.oidc.result ?? {}) as { login?: { standing?: string } }
  const ask = { userId: sub, clientUid: clients.registered(context.oidc.client!).uid }
  if (login !== undefined) {
    const loaded = await loadAccount(store, ask)
    return loaded?.standing === login.standing ? loaded : undefined
  }
  const authTime = new Date((session.loginTs ?? 0) * 1000)
  const loaded = await loadAccount(store, {
    ...ask,
    session: { uid: session.uid, version: session.version ?? 1, authTime },
  })
  return loaded?.sessionLive ? loaded : undefined
}

/** A new grant for this authorization alone; its row comes with the code. */
function freshGrant(context: KoaContextWithOIDC, clients: ClientInstances) {
  const { oidc } = context
  const { allowed } = consentState(context, clients)
  const Grant = oidc.provider.Grant as unknown as new (payload: object) => InstanceType<Provider['Grant']>
  return new Grant({
    ...grantPayload(allowed, oidc.requestParamClaims),
    jti: newId(),
    accountId: oidc.account!.accountId,
    clientId: oidc.client!.clientId,
  })
}
