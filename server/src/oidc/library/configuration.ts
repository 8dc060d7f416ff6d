import { clientAlgorithms, contentEncryptions, keyEncryptions } from '@nauthera/rules/algorithms'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { signInClaims } from '@nauthera/rules/claims'
import { paths } from '@nauthera/rules/endpoints'
import { claimsByScope, oidcScopes } from '@nauthera/rules/scopes'
import { loopbackHosts } from '@nauthera/rules/uris'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { errors } from 'oidc-provider'
import type { Configuration } from 'oidc-provider'
import { acrValues } from '../acr.ts'
import { assertionFault, audienceFault } from '../artefacts/client-jwts.ts'
import { fapiAssertionFault, isFapiClient } from '../artefacts/fapi.ts'
import { staysTheSame } from '../artefacts/refresh-families.ts'
import { mayRefresh } from '../clients/refresh-terms.ts'
import { grantReference } from '../artefacts/signed-tokens.ts'
import { missingBinding } from '../clients/code-binding.ts'
import { leftOutParameter } from '../apis/left-out.ts'
import { createSubjectOf } from '../clients/subjects.ts'
import { clockTolerance } from '../../clock-age.ts'
import { accountHooks } from './accounts.ts'
import type { ExchangedToken } from '../request-context.ts'
import { claimsForApi } from '../claims.ts'
import { loadAccountOfArtefact } from '../load-account.ts'
import { createAdapter } from './adapter.ts'
import { currentRequest } from './current-request.ts'
import { buildFeatures } from './features.ts'
import { endpointAliases, servedMethods } from './mutual-tls.ts'
import type { LibraryNeeds, ProtocolSettings } from './needs.ts'
import { pageAsk, show } from './show-page.ts'
import { createPrompts, requestablePrompts } from './prompts.ts'
import { clientOf, entitiesOf, refreshTokenOf } from './shapes.ts'
import type { Context } from './shapes.ts'
import { signInProof } from './sign-in-proof.ts'
import { signingKeys } from './signing-keys.ts'
import { timesToLive } from './times-to-live.ts'

type Named = Readonly<Record<string, unknown>>

export type ConfigurationNeeds = Pick<
  LibraryNeeds,
  | 'settings'
  | 'keys'
  | 'users'
  | 'clients'
  | 'certificates'
  | 'places'
  | 'sealer'
  | 'scope'
  | 'fetch'
  | 'pages'
  | 'now'
  | 'epoch'
  | 'events'
>

/** Our settings and keys -> the library's configuration. It replaces every default of the library that would print a
 *  notice, show the library's own page or keep something in memory. */
export function buildConfiguration(needs: ConfigurationNeeds): Configuration {
  const { settings, keys, clients, fetch, pages } = needs
  const subjectOf = createSubjectOf(keys.pairwise)
  const clientAuthMethods = servedMethods(needs.certificates)
  return {
    ...surface(settings),
    ...clientHooks(needs),
    ...accountHooks(needs),
    clientAuthMethods,
    adapter: createAdapter(needs.places),
    jwks: { keys: signingKeys(keys.signing) },
    fetch: (input, init) => fetch(input instanceof Request ? input.url : input, init),
    clockTolerance,
    cookies: cookies(needs),
    formats: formats(needs),
    extraTokenClaims: async (context: Context | undefined, token: TokenOfApi) => ({
      ...(context === undefined ? {} : await claimsOfPerson(needs, context, token)),
      ...(context === undefined ? {} : signInProof(context)),
      ...exchangedClaims(currentRequest().exchange),
    }),
    ttl: timesToLive(needs),
    // of a logout token, outside of any request, too
    pairwiseIdentifier: async (_context: unknown, accountId: string, client: object) =>
      subjectOf(clients.registered(client), accountId),
    features: buildFeatures(needs),
    // RFC 9396: the library has it as a feature whose types are fixed (features)
    extraParams: ['authorization_details', leftOutParameter],
    discovery: {
      ui_locales_supported: pages.languages,
      prompt_values_supported: requestablePrompts,
      userinfo_encryption_alg_values_supported: keyEncryptions,
      userinfo_encryption_enc_values_supported: contentEncryptions,
      ...authenticationAt(['introspection', 'revocation'], clientAuthMethods),
      // said only where it is so
      ...(settings.clientMetadataDocuments.hosts.length > 0 ? { client_id_metadata_document_supported: true } : {}),
      ...endpointAliases(settings),
    },
    interactions: {
      policy: createPrompts(clients, { secondFactor: settings.secondFactor, subjectOf, now: needs.now }),
      url: (_context: unknown, interaction: { uid: string }) =>
        `${new URL(settings.issuer).pathname.replace(/\/$/, '')}${paths.interaction}/${interaction.uid}`,
    },
    renderError: async (...[context, out, error]: Parameters<NonNullable<Configuration['renderError']>>) =>
      show(context, await pages.error(pageAsk(context), out, error)),
  }
}

/** An access token, of a person or of a machine. */
interface TokenOfApi {
  readonly resourceServer?: { readonly accessTokenFormat?: string | undefined; identifier(): string } | undefined
  readonly accountId?: string | undefined
}

/** What a JWT says of the person. One that is opaque says it when its API introspects it; one of an exchange says nothing: the person
 *  let the client know it that signed them in. */
async function claimsOfPerson(
  { clients, users }: ConfigurationNeeds,
  context: Context,
  { resourceServer, accountId }: TokenOfApi,
): Promise<Named> {
  const grant = entitiesOf(context).Grant
  if (resourceServer?.accessTokenFormat !== 'jwt' || accountId === undefined || grant === undefined) return {}
  const api = clients.findApi(resourceServer.identifier())
  if (api === undefined || currentRequest().exchange !== undefined) return {}
  const account = await loadAccountOfArtefact(currentRequest(), users)
  return account ? claimsForApi(api.config, account.user, grant.getOIDCScope()) : {}
}

/** How clients prove themselves at endpoints of which the library says nothing (RFC 8414 section 2): as at the token endpoint. */
function authenticationAt(endpoints: readonly string[], methods: readonly string[]): Named {
  return Object.fromEntries(
    endpoints.flatMap((endpoint) => [
      [`${endpoint}_endpoint_auth_methods_supported`, methods],
      [`${endpoint}_endpoint_auth_signing_alg_values_supported`, clientAlgorithms],
    ]),
  )
}

/** Settings that are the same for all clients. */
function surface({ signing, secondFactor }: ProtocolSettings): Configuration {
  const { algorithms, idToken, accessToken } = signing
  const claims = Object.entries(claimsByScope).map(([name, ofScope]) => [name, [...ofScope]])
  return {
    scopes: [...oidcScopes],
    claims: {
      ...Object.fromEntries(signInClaims.map((claim) => [claim, null])),
      ...Object.fromEntries(claims),
      // every ID token says how the person signed in
      openid: [...claimsByScope.openid, 'acr', 'amr'],
    },
    acrValues: [...acrValues(secondFactor)],
    responseTypes: ['code'],
    subjectTypes: ['public', 'pairwise'],
    clientDefaults: { id_token_signed_response_alg: idToken, authorization_signed_response_alg: accessToken },
    enabledJWA: enabledAlgorithms(algorithms),
    // what an ID token holds is decided for each client: overrides/id-tokens
    conformIdTokenClaims: false,
    allowOmittingSingleRegisteredRedirectUri: false,
    acceptQueryParamAccessTokens: false,
    enableHttpPostMethods: false,
    expiresWithSession: async () => false,
    revokeGrantPolicy: () => true,
    routes: {
      authorization: paths.authorization,
      code_verification: paths.device,
      device_authorization: paths.deviceAuthorization,
      end_session: paths.endSession,
      introspection: paths.introspection,
      jwks: paths.jwks,
      pushed_authorization_request: paths.pushedRequest,
      revocation: paths.revocation,
      token: paths.token,
      userinfo: paths.userinfo,
    },
  }
}

/** Settings that depend on the client. */
function clientHooks({ clients, now, epoch, settings }: ConfigurationNeeds) {
  const configOf = (client: object) => clients.registered(client).config
  return {
    issueRefreshToken: async (_context: unknown, client: object) => mayRefresh(configOf(client)),
    pkce: { required: (_context: unknown, client: object) => requireBinding(configOf(client)) },
    clientBasedCORS: (_context: unknown, origin: string, client: object) =>
      configOf(client).corsOrigins.includes(origin) || isOwnLoopback(origin, configOf(client)),
    assertJwtClientAuthClaimsAndHeader: async (context: Context, claims: Named, header: Named, client: object) => {
      const jwt = { claims, header, now: now(), restoredAt: epoch() }
      const ofProfile = isFapiClient(configOf(client)) ? fapiAssertionFault(jwt, settings.issuer) : undefined
      const ours = context.oidc.clientJwtAuthExpectedAudience()
      const fault = assertionFault(jwt) ?? audienceFault(claims, ours) ?? ofProfile
      if (fault !== undefined) throw new errors.InvalidClientAuth(fault)
    },
    rotateRefreshToken: async (context: Context) => {
      if (!staysTheSame(configOf(clientOf(context)))) return true
      // the token stays the same, and is checked and counted as used all the same (FAPI 2.0 section 5.3.2.1)
      await refreshTokenOf(context).consume()
      return false
    },
  }
}

/** Whether an origin is where an installed program listens for its redirect, at any port (RFC 8252 section 7.3): some send it along. */
function isOwnLoopback(origin: string, { type, redirectUris }: ClientConfig): boolean {
  const { protocol, hostname } = URL.parse(origin) ?? {}
  if (type !== 'Native' || protocol !== 'http:' || !loopbackHosts.includes(hostname ?? '')) return false
  return redirectUris.some((uri) => uri.startsWith('http:') && URL.parse(uri)?.hostname === hostname)
}

/** Asked only for a request without code_challenge.
 *  @returns false: this client may do without
 *  @throws errors.InvalidRequest, which says more than the library does */
function requireBinding(config: ClientConfig): false {
  const missing = missingBinding(config)
  if (missing !== undefined) throw new errors.InvalidRequest(missing)
  return false
}

/** A JWT of a person refers to its grant. */
function formats({ sealer }: ConfigurationNeeds) {
  const jwt = (_context: unknown, token: object, { payload }: { payload: object }) =>
    void Object.assign(payload, grantReference(token, sealer))
  return { customizers: { jwt } }
}

/** A token that was exchanged says who acts for the person (RFC 8693 section 4.1). */
const exchangedClaims = (exchange: ExchangedToken | undefined) => exchange && { ...exchange.signIn, act: exchange.act }

function cookies({ scope, keys }: ConfigurationNeeds) {
  const { secure, path } = scope
  const each = { signed: false, httpOnly: true, sameSite: 'lax', secure } as const
  return {
    names: { session: scope.session, interaction: scope.library.pages, resume: scope.library.resume },
    keys: keys.cookies.all('library').map((key) => key.export().toString('base64url')),
    long: { ...each, overwrite: true, path },
    // `overwrite` compares names only: it would drop headers that remove a cookie of the same name at another path
    short: { ...each, overwrite: false },
  }
}

/** The algorithms for each purpose. All are asymmetric: HS256 and the like would need the plain secret. */
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
