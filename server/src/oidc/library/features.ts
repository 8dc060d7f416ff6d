import type { Configuration, ResourceServer } from 'oidc-provider'
import { apiTokenOf, defaultResource, mayIntrospect } from '../artefacts/resources.ts'
import { fromStore } from './current-request.ts'
import type { LibraryNeeds } from './needs.ts'
import { pageAsk, show } from './pages.ts'
import { parameterOf, sessionOf } from './shapes.ts'
import type { Context } from './shapes.ts'

type Needs = Pick<LibraryNeeds, 'settings' | 'clients' | 'pages'>
type Features = NonNullable<Configuration['features']>

/** Which features of the protocol are served besides the code flow. */
export function buildFeatures(needs: Needs) {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: true },
    jwtUserinfo: { enabled: true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    ...tokensLookedAt(needs),
    pushedAuthorizationRequests: {
      enabled: true,
      requirePushedAuthorizationRequests: false,
      allowUnregisteredRedirectUris: false,
    },
    requestObjects: { enabled: true, requireSignedRequestObject: false },
    dPoP: { enabled: true },
    jwtResponseModes: { enabled: true },
    resourceIndicators: apis(needs),
    rpInitiatedLogout: logout(needs),
  }
}

/** Who may introspect a token, and who may revoke it. */
function tokensLookedAt({ clients }: Needs) {
  return {
    introspection: {
      enabled: true,
      allowedPolicy: async (_context, client, token) =>
        client.tokenEndpointAuthMethod !== 'none' &&
        clients.registeredById(token.clientId ?? '') !== undefined &&
        mayIntrospect(clients.registered(client), token),
    },
    revocation: {
      enabled: true,
      allowedPolicy: async (_context, client, token) => token.clientId === client.clientId,
    },
  } satisfies Pick<Features, 'introspection' | 'revocation'>
}

function apis({ clients, settings }: Needs): NonNullable<Features['resourceIndicators']> {
  const { accessToken: algorithm } = settings.signing
  return {
    enabled: true,
    defaultResource: async (context: Context, client, oneOf) =>
      defaultResource(clients.registered(client), parameterOf(context, 'grant_type'), oneOf),
    useGrantedResource: async () => false,
    getResourceServerInfo: async (_context, identifier, client) =>
      apiTokenOf(identifier, clients.registered(client), { clients, algorithm }) as ResourceServer,
  }
}

function logout({ pages }: Needs): NonNullable<Features['rpInitiatedLogout']> {
  return {
    enabled: true,
    logoutSource: (context) =>
      fromStore(async () => {
        const action = context.oidc.urlFor('end_session_confirm')
        const xsrf = String(sessionOf(context)?.state?.secret)
        show(context, await pages.logout(pageAsk(context), { action, xsrf }))
      }),
    postLogoutSuccessSource: (context) =>
      fromStore(async () => {
        // a person who declined to be signed out comes here too
        const { accountId } = await context.oidc.provider.Session.get(context)
        show(context, pages.signedOut(pageAsk(context), { stillSignedIn: accountId !== undefined }))
      }),
  }
}
