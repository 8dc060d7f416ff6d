import type { IncomingMessage } from 'node:http'
import { text, Router } from 'express'
import type { Request, RequestHandler, Response } from 'express'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { PageRequest, Reply, Route } from '../reply.ts'
import type { Audit } from '../store/audit.ts'
import { answerPage } from './answer.ts'
import { pageFor } from './error-page.ts'
import { checkForm } from './form-guard.ts'
import type { FormTokens } from './form-guard.ts'
import { parseAcceptLanguage } from './languages.ts'
import type { Pages } from './pages.ts'
import { peerOf } from './peer.ts'
import { correlationIdOf } from './request-log.ts'
import { maxBodyBytes, requestDeadlineMs } from './timeouts.ts'

/** Runs a route table: parses the request, checks its form, turns the reply into bytes.
 *  @param basePath the issuer's path, '' when it has none */
export function createPageRouter(needs: {
  routes: readonly Route[]
  basePath: string
  /** Origin of the issuer: every form of ours comes from there. */
  origin: string
  pages: Pages
  tokens: FormTokens
  /** The session that a browser shows, for pages that are bound to it. */
  sessionOf: (request: IncomingMessage) => { readonly uid: string } | undefined
  audit: Pick<Audit, 'record'>
  /** Milliseconds; for tests. */
  deadlineMs?: number
}): Router {
  const { deadlineMs = requestDeadlineMs } = needs
  const turnAway = async (route: Route, request: PageRequest) =>
    route.turnAway && withDeadline(route.turnAway(request), deadlineMs)
  const router = Router({ caseSensitive: true, strict: true })
  const readBody = text({ type: 'application/x-www-form-urlencoded', limit: maxBodyBytes, defaultCharset: 'utf-8' })
  for (const route of needs.routes) {
    const path = `${needs.basePath}${route.path}`
    if (route.method === 'GET') router.get(path, run(route))
    else router.post(path, readBody, run(route))
  }
  return router

  function run(route: Route): RequestHandler {
    return async (request, response) => {
      const parsed = parseRequest(route, request, response)
      const binding = bindingOf(route, parsed)
      response.setHeader('cache-control', 'no-store')
      if (route.method === 'POST') {
        // the session of the form is over: the page itself asks to sign in again
        if (binding === undefined) return answer(request, response, { kind: 'redirect', location: request.path })
        const fault = checkForm({ headers: request.headers, form: parsed.form, binding }, needs)
        if (fault !== undefined) {
          needs.audit.record({
            event: 'signin.refused',
            outcome: 'failure',
            reason: `form-${fault}`,
            address: parsed.peer.address,
            agent: parsed.peer.userAgent,
            correlationId: parsed.correlationId,
          })
          const refused = pageFor({ status: 403, code: 'FORM_REFUSED', key: 'form-refused' })
          return answer(request, response, (await turnAway(route, parsed)) ?? refused, binding)
        }
      }
      answer(request, response, await withDeadline(route.handle(parsed), deadlineMs), binding)
    }
  }

  /** What the forms of a page are bound to: the interaction or the link of a mail in its address, or the session of the browser. */
  function bindingOf(route: Route, { params, raw }: PageRequest): string | undefined {
    if (route.boundTo !== 'session') return `interaction:${params['uid'] ?? params['token'] ?? ''}`
    const session = needs.sessionOf(raw.request)
    return session && `session:${session.uid}`
  }

  function answer(request: Request, response: Response, reply: Reply, binding?: string): void {
    if (response.headersSent) return
    if (reply.kind === 'page') return answerPage(request, response, needs.pages.render(reply, request, binding))
    response.statusCode = 303
    response.setHeader('location', reply.location)
    response.setHeader('content-length', '0')
    response.end()
  }
}

function parseRequest(route: Route, request: Request, response: Response): PageRequest {
  const body: unknown = request.body
  return {
    method: route.method,
    params: Object.fromEntries(Object.entries(request.params).map(([name, value]) => [name, String(value)])),
    query: new URLSearchParams((request.url ?? '').split('?', 2)[1]),
    form: new URLSearchParams(typeof body === 'string' ? body : ''),
    peer: peerOf(request)!,
    languages: parseAcceptLanguage(request.headers['accept-language']),
    correlationId: correlationIdOf(request),
    raw: { request, response },
  }
}

/** @throws CodedError STORE_UNAVAILABLE after the deadline: only waiting for the database takes that long */
async function withDeadline<Value>(work: Promise<Value>, milliseconds: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new CodedError('STORE_UNAVAILABLE', { message: 'no answer in time' })),
      milliseconds,
    )
  })
  try {
    return await Promise.race([work, overdue])
  } finally {
    clearTimeout(timer)
  }
}
