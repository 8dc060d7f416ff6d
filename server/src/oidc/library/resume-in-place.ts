// Resumes a sign-in at the library directly, which saves the browser a redirect.
import { IncomingMessage } from 'node:http'
import type { RequestListener } from 'node:http'
import type { Audit } from '../../store/audit/audit.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { isAnswer } from '../interaction/resume.ts'
import type { Resume } from '../interaction/resume.ts'
import type { RequestContext } from '../request-context.ts'
import { currentRequest, runInRequest } from './current-request.ts'
import { InnerResponse } from './inner-response.ts'

/** Calls the library's resume endpoint in the browser's place, and passes its answer on when it redirects to the client. Any other answer
 *  is dropped, with its audit events, and the browser resumes itself.
 *  @param needs.handle the library, which serves below the issuer */
export function createResume(needs: {
  handle: RequestListener
  issuer: string
  /** Of the cookie by which the library knows which interaction goes on. */
  cookie: string
  audit: Pick<Audit, 'record'>
}): Resume {
  return async ({ returnTo, uid, redirectUri, hand, account }) => {
    const { request: outer, correlationId, peer, certificate } = currentRequest()
    const request = requestTo(returnTo, outer, { issuer: needs.issuer, cookie: `${needs.cookie}=${uid}` })
    const { promise: answered, resolve } = Promise.withResolvers<unknown>()
    const response = new InnerResponse(request, resolve)
    hand(request)
    const deferred: AuditEvent[] = []
    const context: RequestContext = { request, response, correlationId, peer, certificate, deferred }
    if (account) context.loading = account
    runInRequest(context, () => needs.handle(request, response))
    await answered
    if (response.statusCode === 503) return 'unanswered'
    const location = response.getHeader('location')
    if (response.statusCode !== 303 || typeof location !== 'string' || !isAnswer(location, redirectUri))
      return undefined
    for (const event of deferred) needs.audit.record(event)
    return { location, cookies: [response.getHeader('set-cookie') ?? []].flat().map(String) }
  }
}

function requestTo(
  returnTo: string,
  outer: IncomingMessage,
  { issuer, cookie }: { issuer: string; cookie: string },
): IncomingMessage {
  const { pathname } = new URL(returnTo)
  const {
    'content-length': _length,
    'content-type': _type,
    'transfer-encoding': _encoding,
    cookie: own,
    ...headers
  } = outer.headers
  return Object.assign(new IncomingMessage(outer.socket), {
    method: 'GET',
    url: pathname.slice(new URL(issuer).pathname.replace(/\/$/, '').length),
    originalUrl: pathname,
    headers: { ...headers, cookie: own === undefined ? cookie : `${own}; ${cookie}` },
  })
}
