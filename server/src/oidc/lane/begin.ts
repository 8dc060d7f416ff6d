import { paths } from '@nauthera/rules/endpoints'
import { oidcScopes } from '@nauthera/rules/scopes'
import { isFapiClient } from '../artefacts/fapi.ts'
import type { Places } from '../artefacts/places.ts'
import { scopeOfRequest } from '../artefacts/resources.ts'
import type { ClientInstances } from '../clients/instances.ts'
import { isDocumentId } from '../clients/metadata-document.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { ownClientUid } from '../clients/own-client.ts'
import { readCookies } from '../cookies.ts'
import type { CookieScope } from '../cookies.ts'
import { createIds } from '../keys/random-ids.ts'
import { lifetimes } from '../lifetimes.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { RequestContext } from '../request-context.ts'
import { markLane } from '../request-line.ts'
import { plainForm } from './plain-request.ts'
import type { PlainForm } from './plain-request.ts'

export interface BeginNeeds {
  readonly issuer: string
  readonly clients: ClientInstances
  readonly places: Places
  readonly scope: CookieScope
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What an ordinary authorization request says, and nothing else. */
const known: ReadonlySet<string> = new Set([
  'client_id',
  'response_type',
  'redirect_uri',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
])

/** Leads a browser in which nobody is signed in to the pages of the sign-in.
 *  @returns the function says whether it has answered; else the request is the library's, and nothing was changed */
export function createBegin(needs: BeginNeeds): (context: RequestContext) => Promise<boolean> | false {
  const nextId = createIds({ bytes: 32, encoding: 'base64url' })
  return (context) => {
    const params = isPlain(context, needs) ? plainParams(context.request.url!) : undefined
    const client = params && needs.clients.registeredById(params.get('client_id') ?? '')
    if (client === undefined || !mayBegin(client, params!, needs)) return false
    return begin(context, params!, { uid: nextId(), cid: nextId() }, needs).catch(() => false)
  }
}

function isPlain({ request, certificate }: RequestContext, { scope }: BeginNeeds): boolean {
  const { accept } = request.headers
  if (request.method !== 'GET' || request.url?.startsWith(`${paths.authorization}?`) !== true) return false
  const wantsPage = accept === undefined || accept === '*/*' || /^text\/html(,|$)/.test(accept)
  return wantsPage && certificate.kind === 'none' && !readCookies(request).has(scope.session)
}

const plainParams = (url: string): PlainForm | undefined => plainForm(url.slice(url.indexOf('?') + 1), known)

/** Whether it is a request that the library would take as it is, for a client of which nothing else is wanted. */
function mayBegin(client: OidcClient, params: PlainForm, { clients }: BeginNeeds): boolean {
  const { config } = client
  if (isDocumentId(client.clientId) || client.uid === ownClientUid || isFapiClient(config)) return false
  if (!config.grantTypes.includes('authorization_code') || config.responseModes.length > 0) return false
  if (config.requirePushedAuthorizationRequests || config.requireSignedRequestObject) return false
  if (config.sectorIdentifierUri !== '' || config.defaultMaxAge !== undefined || config.requireAuthTime) return false
  return (
    isCode(params) &&
    config.redirectUris.includes(params.get('redirect_uri') ?? '') &&
    isOfScope(client, params, clients)
  )
}

const isCode = (params: PlainForm): boolean =>
  params.get('response_type') === 'code' &&
  params.get('code_challenge_method') === 'S256' &&
  /^[\w-]{43}$/.test(params.get('code_challenge') ?? '')

/** Whether the scope goes on as it was asked for. */
function isOfScope(client: OidcClient, params: PlainForm, clients: ClientInstances): boolean {
  const scope = params.get('scope') ?? ''
  const words = scope.split(' ')
  if (!words.includes('openid') || words.length !== new Set(words).size) return false
  if (!words.every((word) => oidcScopes.includes(word))) return false
  if (words.includes('offline_access') && !client.config.grantTypes.includes('refresh_token')) return false
  try {
    return scopeOfRequest({ scope, resources: [] }, undefined, client, clients) === scope
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}

async function begin(
  context: RequestContext,
  params: PlainForm,
  { uid, cid }: { uid: string; cid: string },
  { issuer, places, scope, now }: BeginNeeds,
): Promise<boolean> {
  const { request, response } = context
  const iat = Math.floor(now() / 1000)
  const base = issuer.replace(/\/$/, '')
  const { pages, resume } = scope.interaction(uid)
  const payload = {
    iat,
    exp: iat + lifetimes.interaction,
    jti: uid,
    kind: 'Interaction',
    params: Object.fromEntries(params),
    prompt: { name: 'login', reasons: ['no_session'] },
    returnTo: `${base}${paths.authorization}/${uid}`,
    cid,
  }
  response.setHeader('cache-control', 'no-store')
  await places['Interaction']!.upsert!(context, uid, payload, lifetimes.interaction)
  const expires = new Date(now() + lifetimes.interaction * 1000).toUTCString()
  const attributes = `expires=${expires}; samesite=lax${scope.secure ? '; secure' : ''}; httponly`
  response.setHeader('set-cookie', [
    ...[response.getHeader('set-cookie') ?? []].flat().map(String),
    `${scope.library.pages}=${uid}; path=${pages}; ${attributes}`,
    `${scope.library.resume}=${uid}; path=${resume}; ${attributes}`,
  ])
  markLane(request)
  const body = `Redirecting to ${pages}.`
  response.statusCode = 303
  response.setHeader('location', pages)
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.setHeader('content-length', body.length)
  response.end(body)
  return true
}
