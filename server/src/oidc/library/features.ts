// Configures the features of the protocol beside the code flow.
import { createHmac } from 'node:crypto'
import { wireGrant } from '@nauthera/rules/grants'
import { fieldsOf, isJsonRecord } from '@nauthera/runtime/json'
import { errors } from 'oidc-provider'
import type { Configuration } from 'oidc-provider'
import { acrValues, essentialAcr, isEnough } from '../acr.ts'
import { requestObjectFault } from '../artefacts/client-jwts.ts'
import { fapiRequestFault, isFapiClient } from '../artefacts/fapi.ts'
import { checkDetails, standingDetailsOf } from '../artefacts/granted-details.ts'
import { defaultScopes, meantApi } from '../apis/asked.ts'
import type { Detail } from '../apis/detail-type.ts'
import { apiOfDetails } from '../apis/details.ts'
import { leftOutIn, leftOutParameter } from '../apis/left-out.ts'
import { plain } from '../apis/plain.ts'
import { apiTokenOf, defaultResource, isAudience, scopeOfRequest, standingFor } from '../artefacts/resources.ts'
import { claimsOnIntrospection } from '../claims.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { loadAccountOfArtefact } from '../load-account.ts'
import { auditedRequest } from '../request-context.ts'
import { currentRequest, fromStore } from './current-request.ts'
import { mutualTls } from './mutual-tls.ts'
import type { LibraryNeeds } from './needs.ts'
import { pageAsk, show } from './show-page.ts'
import { apiOfSignIn } from './sign-in-api.ts'
import { unlistedIn, unlistedNow, withUnlisted } from './unlisted-return.ts'
import {
  clientOf,
  continuesRequest,
  entitiesOf,
  parameterOf,
  resourcesOf,
  sessionOf,
  setParameter,
  wasPushed,
} from './shapes.ts'
import type { Context } from './shapes.ts'

type Needs = Pick<LibraryNeeds, 'settings' | 'users' | 'keys' | 'clients' | 'certificates' | 'pages' | 'now' | 'events'>
type Named = Readonly<Record<string, unknown>>
type Features = NonNullable<Configuration['features']>

/** The same at every replica, and for ever: what makes nonces of it is the time. */
const nonceSecret = ({ nonces }: Needs['keys']): Buffer => createHmac('sha256', nonces()).update('DPoP nonces').digest()

/** Configures the features of the protocol beside the code flow. */
export function buildFeatures(needs: Needs): Features {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: true },
    jwtUserinfo: { enabled: true },
    claimsParameter: {
      enabled: true,
      assertClaimsParameter: async (_context: unknown, claims: unknown) => {
        checkMembers(claims)
        checkAcr(claims, acrValues(needs.settings.secondFactor))
      },
    },
    clientCredentials: { enabled: true },
    ...tokensLookedAt(needs),
    pushedAuthorizationRequests: {
      enabled: true,
      requirePushedAuthorizationRequests: false,
      allowUnregisteredRedirectUris: false,
    },
    requestObjects: {
      enabled: true,
      requireSignedRequestObject: false,
      assertJwtClaimsAndHeader: async (context: Context, claims: Named, header: Named, client: object) => {
        const jwt = { claims, header, now: needs.now() }
        const isFapi = isFapiClient(needs.clients.registered(client).config) && !wasPushed(context)
        const fault = requestObjectFault(jwt) ?? (isFapi ? fapiRequestFault(jwt, needs.settings.issuer) : undefined)
        if (fault !== undefined) throw new errors.InvalidRequestObject(fault)
      },
    },
    dPoP: { enabled: true, nonceSecret: nonceSecret(needs.keys), requireNonce: () => false },
    mTLS: mutualTls(needs),
    deviceFlow: devices(needs),
    jwtResponseModes: { enabled: true },
    // RFC 9701, for who asks with Accept: application/token-introspection+jwt
    jwtIntrospection: { enabled: true },
    resourceIndicators: apis(needs),
    // its types are fixed when a Provider is made, and APIs change: the parameter is read in apis(), details go out in overrides/authorization-details
    richAuthorizationRequests: {
      enabled: false,
      authorizationDetailsForGrantSource: async () => undefined,
      authorizationDetailsForAccessToken: async () => undefined,
      authorizationDetailsForIntrospection: async (_context, { rar }) => rar,
    },
    rpInitiatedLogout: logout(needs),
    // library/signing-keys
    externalSigningSupport: { enabled: true, ack: 'experimental-01' },
    // artefacts/back-channel sends; this is its metadata
    backchannelLogout: { enabled: true },
  }
}

/** @throws errors.InvalidRequest for a claim that is neither null nor an object (OpenID Connect Core 5.5.1) */
function checkMembers(claims: unknown): void {
  for (const part of ['userinfo', 'id_token']) {
    for (const [name, about] of Object.entries(fieldsOf(fieldsOf(claims)[part]))) {
      if (about !== null && !isJsonRecord(about))
        throw new errors.InvalidRequest(`claims.${part}.${plain(name)} is neither null nor an object`)
    }
  }
}

/** @throws errors.UnmetAuthenticationRequirements when the request needs an acr that no sign-in can have: a page would be shown
 *  again and again */
function checkAcr(claims: unknown, reachable: readonly string[]): void {
  const needed = essentialAcr(claims)
  if (needed.kind === 'malformed') throw new errors.InvalidRequest('claims.id_token.acr has a value that is no text')
  if (reachable.some((acr) => isEnough(needed, acr))) return
  throw new errors.UnmetAuthenticationRequirements(
    `no sign-in here has the acr that the request needs; there are: ${reachable.join(' ')}`,
  )
}

/** What introspection looks at, of a token of any kind. */
interface ShownToken {
  readonly clientId?: string | undefined
  readonly aud?: string | readonly string[] | undefined
  readonly scope?: string | undefined
  readonly extra?: object | undefined
  readonly authorizationDetails?: readonly Detail[] | undefined
}

/** Decides who may introspect and revoke a token. The answer is limited to what its client may have now. */
function tokensLookedAt({ clients, users, events }: Needs) {
  return {
    introspection: {
      enabled: true,
      allowedPolicy: async (context: Context, client, shown) => {
        const token: ShownToken = shown
        await clients.ensure(token.clientId ?? '')
        const caller = clients.registered(client)
        const standing = standingFor(caller, token, clients)
        if (standing.kind === 'untold') {
          tellUntold(caller, standing.why, events)
          return false
        }
        const { owner, scope } = standing
        const rar = standingDetailsOf(token, owner, clients)
        const extra = { ...token.extra, ...(isAudience(caller, token) ? await toldOf(context, caller, users) : {}) }
        Object.assign(token, { scope, rar, extra })
        return true
      },
    },
    revocation: {
      enabled: true,
      // RFC 7009 section 2.1: who asks for the end of a token of somebody else is told, by the word of RFC 6749 section 5.2 for it
      allowedPolicy: async (_context, client, token) => {
        if (token.clientId === client.clientId) return true
        throw new errors.InvalidGrant('the token was issued to another client')
      },
    },
  } satisfies Pick<Features, 'introspection' | 'revocation'>
}

/** Logs why a valid token is reported as inactive; the caller does not get the reason. */
function tellUntold({ clientId, uid }: OidcClient, why: string, { audit }: Needs['events']): void {
  const reason = `introspection: ${why}`
  const about = { clientId, clientUid: uid, outcome: 'failure', reason, ...auditedRequest(currentRequest()) } as const
  audit.record({ event: 'token.refused', ...about })
}

/** What an API is told of the person of a token that it introspects. */
async function toldOf(context: Context, api: OidcClient, users: Needs['users']): Promise<object> {
  const grant = entitiesOf(context).Grant
  const account = grant && (await loadAccountOfArtefact(currentRequest(), users))
  return account ? claimsOnIntrospection(api.config, account.user, grant.getOIDCScope()) : {}
}

/** At the authorization endpoint, and at the token endpoint for a sign-in. */
const isOfPerson = (grantType: string | undefined): boolean =>
  grantType === undefined || signInGrants.includes(grantType)
const signInGrants = ['authorization_code', 'refresh_token', wireGrant('device_code')]

/** The library asks for the default of a request that names no API, then for each API; both before it reads the scopes. */
function apis({ clients, settings }: Needs): NonNullable<Features['resourceIndicators']> {
  const { accessToken: algorithm } = settings.signing
  const judge = (context: Context, client: object, resources: readonly string[]) => {
    const grantType = parameterOf(context, 'grant_type')
    const text = parameterOf(context, 'authorization_details')
    const asked = { scope: parameterOf(context, 'scope'), resources, hasDetails: text !== undefined }
    if (grantType === undefined) keepLeftOut(context, clients.registered(client))
    const scope = scopeOfRequest(asked, grantType, clients.registered(client), clients)
    if (scope !== asked.scope) setParameter(context, 'scope', scope)
    if (text !== undefined) checkDetails({ text, resources }, grantType, clients.registered(client), clients)
  }
  const means = (scope: string | undefined, client: object) => {
    const meant = meantApi(scope, clients.registered(client))
    if (meant !== undefined) currentRequest().meantApi = meant
    return meant
  }
  return {
    enabled: true,
    defaultResource: async (context: Context, client, oneOf) => {
      const asking = clients.registered(client)
      // of a code or refresh token
      if (oneOf) return apiOfSignIn(context, { ...sourceOf(context), client: asking }) ?? oneOf
      const text = parameterOf(context, 'authorization_details')
      const ofDetails = text === undefined ? undefined : apiOfDetails(text, asking, clients)
      const grantType = parameterOf(context, 'grant_type')
      const meant = isOfPerson(grantType) ? means(askedOr(context, asking), client) : undefined
      const found = ofDetails ?? meant ?? defaultResource(asking, grantType)
      if (found === undefined) judge(context, client, [])
      return found!
    },
    // the client may have no other token, so this one is for userinfo too (overrides/meant-api)
    useGrantedResource: async (context: Context) => {
      const asking = clients.registered(clientOf(context))
      const found = sourceOf(context)
      const api = apiOfSignIn(context, { ...found, client: asking })
      const scope = parameterOf(context, 'scope') ?? found.source.scope
      const isForUserinfoToo = scope?.split(' ').includes('openid') === true || meantApi(scope, asking) === api
      if (api !== undefined && isForUserinfoToo) currentRequest().meantApi = api
      return api !== undefined
    },
    getResourceServerInfo: async (context: Context, identifier, client) => {
      judge(context, client, [...new Set([...resourcesOf(context), identifier])])
      return apiTokenOf(identifier, clients.registered(client), { clients, algorithm })
    },
  }
}

/** The scopes of a request that names no API; where it names none either, what they are by default. */
function askedOr(context: Context, client: OidcClient): string | undefined {
  const scope = parameterOf(context, 'scope')
  const others = ['grant_type', 'authorization_details'].some((name) => parameterOf(context, name) !== undefined)
  if (others || (scope !== undefined && scope !== '')) return scope
  const { audiences } = client.config
  return defaultScopes(audiences.length === 1 ? audiences : [], client).join(' ')
}

/** What a token is made of. */
function sourceOf(context: Context) {
  const { AuthorizationCode, DeviceCode, RefreshToken, Grant } = entitiesOf(context)
  return { source: (AuthorizationCode ?? DeviceCode ?? RefreshToken)!, grant: Grant }
}

/** A request that goes on has what its first look found, and a pushed one what was found at the push: the scope beside it has lost them. */
function keepLeftOut(context: Context, client: OidcClient): void {
  if (continuesRequest(context)) return
  const request = currentRequest()
  const found = wasPushed(context) ? parameterOf(context, leftOutParameter) : undefined
  request.leftOut ??= { scopes: leftOutIn(`${parameterOf(context, 'scope') ?? ''} ${found ?? ''}`, client) }
  setParameter(context, leftOutParameter, request.leftOut.scopes)
}

/** The library has just put a token for a form of its own into the session, which was stored before. */
function forgetFormToken(context: Context): void {
  const session = sessionOf(context)
  if (session) session.touched = false
}

/** The pages on which people type a code are ours (login/device-code); the library shows what comes at the end. */
function devices({ pages }: Needs): NonNullable<Features['deviceFlow']> {
  return {
    enabled: true,
    charset: 'base-20',
    mask: '****-****',
    // nothing of it is shown
    deviceInfo: () => ({}),
    userCodeInputSource: async (context, _form, out, error) => {
      forgetFormToken(context)
      show(context, await pages.deviceRefused(pageAsk(context), out ?? { error: 'invalid_request' }, error ?? {}))
    },
    userCodeConfirmSource: () => {
      throw new TypeError("the page that confirms a device is not the library's")
    },
    successSource: async (context) => show(context, await pages.deviceAllowed(pageAsk(context))),
  }
}

function logout({ pages }: Needs): NonNullable<Features['rpInitiatedLogout']> {
  return {
    enabled: true,
    logoutSource: (context) =>
      fromStore(async () => {
        const action = withUnlisted(context.oidc.urlFor('end_session_confirm'), unlistedNow(context))
        const xsrf = String(sessionOf(context)?.state?.secret)
        show(context, await pages.logout(pageAsk(context), { action, xsrf }))
      }),
    postLogoutSuccessSource: (context) =>
      fromStore(async () => {
        // a person who declined to be signed out comes here too
        const { accountId } = await context.oidc.provider.Session.get(context)
        show(
          context,
          await pages.signedOut(pageAsk(context), {
            stillSignedIn: accountId !== undefined,
            unlisted: unlistedIn(context),
          }),
        )
      }),
  }
}
