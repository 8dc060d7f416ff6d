import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'express'
import { CodedError, asError } from '@nauthera/runtime/coded-error'
import type { Exchange } from '../../oidc/cookies.ts'
import type { PageRequest, Reply, Route } from '../../reply.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { answerPage } from '../request/answer.ts'
import { pageFor } from './error-page.ts'
import { checkForm } from './form-guard.ts'
import type { FormTokens } from './form-guard.ts'
import { pathOfTarget } from '../request/handler.ts'
import type { Handler, InboundRequest } from '../request/handler.ts'
import { parseAcceptLanguage } from '../branding/languages.ts'
import type { LimitOfPages, Pages } from './pages.ts'
import { peerOf } from '../request/peer.ts'
import { correlationIdOf } from '../request/request-log.ts'
import { createRouteTable } from './route-table.ts'
import type { FoundRoute, RouteTable } from './route-table.ts'
import { maxBodyBytes, requestDeadlineMs } from '../request/timeouts.ts'

/** Runs a route table: parses the request, checks its form, turns the reply into bytes.
 *  @param basePath the issuer's path, '' when it has none */
export function createPageRouter(
  needs: BindingNeeds & {
    routes: readonly Route[]
    basePath: string
    /** Origin of the issuer: every form of ours comes from there. */
    origin: string
    pages: Pages
    tokens: FormTokens
    limitOf: LimitOfPages
    audit: Pick<Audit, 'record'>
    /** Milliseconds; for tests. */
    deadlineMs?: number
  },
): Handler {
  const { deadlineMs = requestDeadlineMs } = needs
  const turnAway = async (route: Route, request: PageRequest) =>
    route.turnAway && withDeadline(route.turnAway(request), deadlineMs)
  const unbound = needs.routes.find(isUnbound)
  if (unbound !== undefined) throw new Error(`forms of ${unbound.path} are bound to nothing`)
  const table = createRouteTable(needs.routes, needs.basePath)
  return (request, response, next) => {
    const path = pathOfTarget(request.url ?? '')
    const found = findIn(table, request.method ?? '', path)
    if (found === 'unreadable') return next(Object.assign(new Error('the path cannot be decoded'), { status: 400 }))
    if (found !== undefined) return void answerOrFail(found, request, response, next)
    const methods = request.method === 'OPTIONS' ? table.methodsOf(path) : []
    if (methods.length === 0) return next()
    response.statusCode = 204
    response.setHeader('allow', [...methods, 'OPTIONS'].join(', '))
    response.end()
  }

  async function answerOrFail(
    ...[found, request, response, next]: [FoundRoute, ...Parameters<Handler>]
  ): Promise<void> {
    try {
      await run(found, request, response)
    } catch (error) {
      next(error)
    }
  }

  async function run({ route, params }: FoundRoute, request: InboundRequest, response: ServerResponse): Promise<void> {
    const tooMany = needs.limitOf(request)
    if (tooMany !== undefined) return answer(request, response, tooMany)
    const body = route.method === 'POST' ? await readForm(request, response) : ''
    const parsed = parseRequest({ route, params, body }, request, response)
    const binding = bindingOf(route, parsed, needs)
    response.setHeader('cache-control', 'no-store')
    if (route.method === 'POST') {
      const location = pathOfTarget(request.url ?? '')
      // the form's session ended: its page asks for a sign-in
      if (binding === undefined) return answer(request, response, { kind: 'redirect', location })
      const fault = checkForm({ headers: request.headers, form: parsed.form, binding }, needs)
      if (fault !== undefined) {
        needs.audit.record(refusalOf(parsed, fault))
        const refused = pageFor({ status: 403, code: 'FORM_REFUSED', key: 'form-refused' })
        return answer(request, response, (await turnAway(route, parsed)) ?? refused, binding)
      }
    }
    answer(request, response, await withDeadline(route.handle(parsed), deadlineMs), binding)
  }

  function answer(request: InboundRequest, response: ServerResponse, reply: Reply, binding?: string): void {
    if (response.headersSent) return
    if (reply.kind === 'page') return answerPage(request, response, needs.pages.render(reply, request, binding))
    response.statusCode = 303
    response.setHeader('location', reply.location)
    response.setHeader('content-length', '0')
    response.end()
  }
}

interface BindingNeeds {
  /** The browser's session, for pages that are bound to it. */
  readonly sessionOf: (request: IncomingMessage) => { readonly uid: string } | undefined
  /** Names the browser, and begins to where it has no name yet. */
  readonly browserOf: (exchange: Exchange) => string
}

/** What the forms of a page are bound to: the browser's session, the browser, or the interaction or mail link in the address. */
function bindingOf({ boundTo }: Route, { params, raw }: PageRequest, needs: BindingNeeds): string | undefined {
  if (boundTo === 'browser') return `browser:${needs.browserOf(raw)}`
  const bound = params['uid'] ?? params['token']
  if (boundTo === undefined) return bound === undefined ? undefined : `interaction:${bound}`
  const session = needs.sessionOf(raw.request)
  return session && `session:${session.uid}`
}

const isUnbound = ({ method, path, boundTo }: Route): boolean =>
  method === 'POST' && boundTo === undefined && !/\/:(uid|token)\b/.test(path)

const refusalOf = ({ peer, correlationId }: PageRequest, fault: string): AuditEvent => ({
  event: 'signin.refused',
  outcome: 'failure',
  reason: `form-${fault}`,
  address: peer.address,
  agent: peer.userAgent,
  correlationId,
})

/** @returns `unreadable` when a parameter cannot be decoded */
function findIn(table: RouteTable, method: string, path: string): FoundRoute | 'unreadable' | undefined {
  try {
    return table.find(method, path)
  } catch (error) {
    if (error instanceof URIError) return 'unreadable'
    throw error
  }
}

const reader = text({ type: 'application/x-www-form-urlencoded', limit: maxBodyBytes, defaultCharset: 'utf-8' })

/** @returns the body of a form; otherwise ''
 *  @throws an error with its status */
async function readForm(request: IncomingMessage & { body?: unknown }, response: ServerResponse): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    reader(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(asError(error))))
  })
  return typeof request.body === 'string' ? request.body : ''
}

function parseRequest(
  { route, params, body }: FoundRoute & { readonly body: string },
  request: InboundRequest,
  response: ServerResponse,
): PageRequest {
  return {
    method: route.method,
    params,
    query: new URLSearchParams((request.url ?? '').split('?', 2)[1]),
    form: new URLSearchParams(body),
    peer: peerOf(request)!,
    languages: parseAcceptLanguage(request.headers['accept-language']),
    correlationId: correlationIdOf(request),
    raw: { request, response },
  }
}

/** @throws CodedError STORE_UNAVAILABLE after the deadline: only the database can take that long */
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
