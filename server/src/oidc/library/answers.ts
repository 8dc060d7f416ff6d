// Changes the library's responses before they are sent.
import { isJsonRecord } from '@nauthera/runtime/json'
import { foreignUri } from '@nauthera/runtime/log'
import type Provider from 'oidc-provider'
import { allowFormTargets } from '../../reply/form-targets.ts'
import type { ClientInstances } from '../clients/instances.ts'
import { readClaims } from '../authentication/platform-token.ts'
import { currentRequest, isInRequest } from './current-request.ts'
import type { LibraryNeeds } from './needs.ts'
import { pageAsk, show } from './show-page.ts'
import { clientOf, parameterOf, sessionOf } from './shapes.ts'
import type { Context } from './shapes.ts'
import { confirmedReturn, unlistedNow, withUnlisted } from './unlisted-return.ts'

/** Seconds. */
const retryAfter = 2

/** Changes the library's responses before they are sent. */
export function watchAnswers(
  provider: Provider,
  { pages, clients, events }: Pick<LibraryNeeds, 'pages' | 'clients' | 'events'>,
): void {
  provider.use<object, Context>(async (context, next) => {
    await next()
    // A new generation reads its own documents outside of any request.
    if (!isInRequest()) return
    if (passOn(context)) return
    if (currentRequest().unavailable) return await answerUnavailable(context, pages)
    keepOutOfCaches(context)
    leaveOutEmptyScope(context)
    sayInterval(context)
    skipEmptyLogout(context)
    tellUnlisted(context, { clients, events })
    keepNonces(context)
    shareWithScripts(context, clients)
    allowReturn(context)
  })
}

/** Passes on a request for a path or method that the library does not have: it gets the usual page.
 *  @returns whether the request was passed on */
function passOn(context: Context): boolean {
  const next = currentRequest().passOn
  if (context.status !== 404 || context.body !== undefined || next === undefined) return false
  context.respond = false
  next()
  return true
}

/** PostgreSQL did not answer: the response becomes 503, whatever the library made of the error. Its cookies are
 *  dropped, so that the interaction can continue after a retry. */
async function answerUnavailable(context: Context, pages: LibraryNeeds['pages']): Promise<void> {
  const { response } = currentRequest()
  for (const name of ['set-cookie', 'location', 'www-authenticate']) response.removeHeader(name)
  const out = {
    error: 'temporarily_unavailable',
    error_description: 'the server cannot answer this now; retry in a moment',
  }
  context.status = 503
  context.set('retry-after', String(retryAfter))
  if (context.accepts('json', 'html') === 'html') {
    // who reads it is in the database, too
    const ask = { ...pageAsk(context), accountId: undefined }
    show(context, await pages.error(ask, out, { code: 'STORE_UNAVAILABLE', status: 503 }))
  } else context.body = out
  context.status = 503
}

/** The library does not set this on every error, for example not at the revocation endpoint. */
function keepOutOfCaches(context: Context): void {
  if (context.status >= 400 && !context.response.get('cache-control')) context.set('cache-control', 'no-store')
}

/** A scope without a word in it is no scope (RFC 6749 section 3.3). */
function leaveOutEmptyScope({ oidc, body }: Context): void {
  if (oidc?.route === 'token' && isJsonRecord(body) && body['scope'] === '') delete body['scope']
}

/** Seconds between two requests of a device: the library leaves out what is the default (RFC 8628 section 3.2), and programs differ. */
function sayInterval({ oidc, body }: Context): void {
  if (oidc?.route === 'device_authorization' && isJsonRecord(body) && 'device_code' in body) body['interval'] = 5
}

/** A logout when nobody is signed in: the library sends a form that a script submits. A redirect needs no script. */
function skipEmptyLogout(context: Context): void {
  const { oidc } = context
  if (oidc?.route !== 'end_session' || context.status !== 200) return
  const session = sessionOf(context)
  if (!session || session.accountId !== undefined) return
  const { postLogoutRedirectUri: target, state } = session.state ?? {}
  const location = new URL(target ?? withUnlisted(oidc.urlFor('end_session_success'), unlistedNow(context)))
  if (target !== undefined && state !== undefined) location.searchParams.set('state', state)
  context.status = 303
  context.redirect(location.href)
}

/** A sign-out that leads nowhere: the person comes to the page that says why, and the log says it too. */
function tellUnlisted(context: Context, { clients, events }: Pick<LibraryNeeds, 'clients' | 'events'>): void {
  const { oidc, response } = context
  const location = response.get('location')
  if (oidc?.route === 'end_session_confirm' && location !== '') {
    const to = confirmedReturn(context, location)
    if (to !== undefined) context.redirect(to)
  }
  const now = oidc?.route === 'end_session' ? unlistedNow(context) : undefined
  if (now === undefined) return
  const registered = oidc.client!.postLogoutRedirectUris
  events.log.warn(
    { client: now.clientId, got: foreignUri(now.uri), registered },
    'post-logout redirect URI not registered',
  )
  events.refused(clients.registered(clientOf(context)), {
    code: 'LOGOUT_URI_NOT_LISTED',
    by: 'Anyone',
    detail: now.uri,
    from: currentRequest().peer.address,
  })
}

/** A nonce is for a program whose clock is wrong (RFC 9449 section 8): it is told one when its proof is refused for that, and the next ones as it uses them. The
 *  library gives them to everybody. */
function keepNonces(context: Context): void {
  const { body, response } = context
  if (!response.get('dpop-nonce')) return
  const isAskedFor =
    (isJsonRecord(body) && body['error'] === 'use_dpop_nonce') ||
    response.get('www-authenticate')?.includes('use_dpop_nonce') === true
  if (!isAskedFor && readClaims(context.get('DPoP'))?.['nonce'] === undefined) context.remove('dpop-nonce')
}

/** An answer to a script of an origin that its client lists says that credentials may be sent: some programs do so always. No cookie is read or set at
 *  these endpoints. A certificate would be one, so it does not say so where one is taken. A preflight names no client: it is answered for the
 *  origins of any. */
function shareWithScripts(context: Context, clients: ClientInstances): void {
  const { oidc, method, response } = context
  const origin = context.get('Origin')
  // documents are for everybody
  if (origin === '' || response.get('access-control-allow-origin') !== origin || /jwks|discovery/.test(oidc.route))
    return
  const isPreflight = method === 'OPTIONS'
  const isListed = isPreflight
    ? clients.mayHaveOrigin(origin)
    : oidc.client !== undefined && clients.registered(clientOf(context)).config.corsOrigins.includes(origin)
  const { certificate, isAtAlias } = currentRequest()
  if (isListed && isAtAlias !== true && certificate.kind === 'none')
    context.set('access-control-allow-credentials', 'true')
  if (isListed || !isPreflight) return
  for (const name of Object.keys(response.headers)) if (name.startsWith('access-control-')) context.remove(name)
}

/** Allows the forms of this page to lead to the client (form_post, or a redirect after a POST): to an address that it
 *  has registered, and to no other that a request may name. */
function allowReturn(context: Context): void {
  // what is no page has no forms
  if (!isPage(context)) return
  const policy = context.response.get('content-security-policy')
  const target = policy === '' ? undefined : returnOf(context)
  if (target !== undefined) context.set('content-security-policy', allowFormTargets(policy, [target]))
}

const isPage = ({ status, type }: Context): boolean => (status < 300 || status >= 400) && type === 'text/html'

function returnOf(context: Context): string | undefined {
  const client = context.oidc?.client
  if (!client) return undefined
  const afterSignIn = parameterOf(context, 'redirect_uri')
  if (afterSignIn !== undefined) return client.redirectUriAllowed(afterSignIn) ? afterSignIn : undefined
  const afterLogout = parameterOf(context, 'post_logout_redirect_uri')
  return afterLogout !== undefined && client.postLogoutRedirectUriAllowed(afterLogout) ? afterLogout : undefined
}
