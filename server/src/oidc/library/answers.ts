import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { allowFormTargets } from '../../reply.ts'
import type { ProtocolPages, ProtocolSettings } from './configuration.ts'
import type { SessionModel } from './overrides.ts'
import { currentRequest, maybeRequest } from '../request-context.ts'

/** Seconds. */
const retryAfter = 2

/** What is done to an answer of the library before it leaves. */
export function watchAnswers(provider: Provider, needs: { settings: ProtocolSettings; pages: ProtocolPages }): void {
  provider.use(async (context, next) => {
    await next()
    // Documents that a new generation asks for itself belong to no request.
    if (maybeRequest() === undefined) return
    if (passOn(context as unknown as KoaContextWithOIDC)) return
    const oidcContext = context as unknown as KoaContextWithOIDC
    if (currentRequest().unavailable) return answerUnavailable(oidcContext, needs.pages)
    keepOutOfCaches(oidcContext)
    skipEmptyLogout(oidcContext)
    allowReturn(oidcContext)
  })
}

/** A path or method that the library does not have gets the same page as any other.
 *  @returns whether the request is no longer the library's */
function passOn(context: KoaContextWithOIDC): boolean {
  const next = currentRequest().passOn
  if (context.status !== 404 || context.body !== undefined || next === undefined) return false
  context.respond = false
  next()
  return true
}

/** PostgreSQL was away: whatever the library made of it, the truth is 503, and nothing of the answer is kept (cookies of
 *  an interaction that goes on after the retry). */
function answerUnavailable(context: KoaContextWithOIDC, pages: ProtocolPages): void {
  const { response } = currentRequest()
  for (const name of ['set-cookie', 'location', 'www-authenticate']) response.removeHeader(name)
  const out = {
    error: 'temporarily_unavailable',
    error_description: 'the server cannot answer this now; retry in a moment',
  }
  context.status = 503
  context.set('retry-after', String(retryAfter))
  if (context.accepts('json', 'html') === 'html')
    pages.error(context, out, Object.assign(new Error(out.error), { code: 'STORE_UNAVAILABLE', status: 503 }))
  else context.body = out
  context.status = 503
}

/** The library says so where it thinks of it: not with an error of the revocation endpoint. */
function keepOutOfCaches(context: KoaContextWithOIDC): void {
  if (context.status >= 400 && !context.response.get('cache-control')) context.set('cache-control', 'no-store')
}

/** A logout of nobody: the library answers with a form that posts itself by a script; a redirect needs none. */
function skipEmptyLogout(context: KoaContextWithOIDC): void {
  const { oidc } = context
  if (oidc?.route !== 'end_session' || context.status !== 200) return
  const session = oidc.session as unknown as
    (SessionModel & { state?: { postLogoutRedirectUri?: string; state?: string } }) | undefined
  if (!session || session.accountId !== undefined) return
  const target = session.state?.postLogoutRedirectUri
  const location = target === undefined ? new URL(oidc.urlFor('end_session_success')) : new URL(target)
  if (target !== undefined && session.state?.state !== undefined)
    location.searchParams.set('state', session.state.state)
  context.status = 303
  context.redirect(location.href)
}

/** The forms of this answer may end at the client (form_post; redirects after a POST). */
function allowReturn(context: KoaContextWithOIDC): void {
  const redirectUri = context.oidc?.params?.['redirect_uri'] ?? context.oidc?.params?.['post_logout_redirect_uri']
  const policy = context.response.get('content-security-policy')
  if (typeof redirectUri === 'string' && policy !== '')
    context.set('content-security-policy', allowFormTargets(policy, [redirectUri]))
}
