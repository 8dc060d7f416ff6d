import type { RequestListener } from 'node:http'
import { paths as endpoints } from '@nauthera/rules/endpoints'
import express from 'express'
import type { RequestHandler } from 'express'
import type { Discovery } from './protocol/discovery.ts'
import type { ErrorHandler } from './pages/error-page.ts'
import { pathOfTarget } from './request/handler.ts'
import type { Handler, InboundRequest } from './request/handler.ts'
import { rewriteAbsoluteTarget } from './edge/pin-host.ts'
import { isProtocolPath, protocolPaths } from './protocol/protocol-paths.ts'

/** The handlers of the public port, in the order in which they run. */
export interface Handlers {
  /** Correlation id, log line. */
  readonly requestLog: Handler
  /** Before all others, so that refusals have them too. */
  readonly headers: Handler
  /** Host and protocol from the issuer; forwarding headers dropped. */
  readonly pinHost: Handler
  /** Opens the context in which hooks of the protocol find their request. */
  readonly requestContext: Handler
  readonly assets: RequestHandler
  readonly logos: RequestHandler
  /** Metadata and JWKS, for the requests that `listen` did not answer already (such as one by an absolute target). */
  readonly discovery: Discovery
  /** OPTIONS of our own paths, and 405 for other methods. */
  readonly options: RequestHandler
  /** 503 until keys are loaded: the handlers after it need them. */
  readonly keysLoaded: Handler
  readonly pages: Handler
  /** 403 for a confirmed sign-out that another site sent. */
  readonly logoutGuard: Handler
  readonly postByGet: RequestHandler
  /** oidc-provider: last, with no body parser in front of it. */
  readonly protocol: Handler
  readonly notFound: Handler
  readonly errors: ErrorHandler
}

/** Chains the handlers. The most frequent requests take a shorter chain without Express, which costs up to a tenth of a token request:
 *  requests of programs, authorization requests, and sign-in pages.
 *  @param basePath the issuer's path, '' when it has none */
export function createApplication(handlers: Handlers, basePath: string): RequestListener {
  const { requestLog, pinHost, requestContext, headers, keysLoaded } = handlers
  const below = belowIssuer(handlers.protocol, basePath)
  const application = createExpressApplication({ ...handlers, protocol: below })
  const first = [requestLog, headers, pinHost, requestContext, keysLoaded]
  const toProtocol = chain([...first, below, handlers.notFound], handlers)
  const toPages = chain([...first, handlers.pages, handlers.notFound], handlers)
  const straight = new Map([...protocolPaths].map(([path, { straight: methods = [] }]) => [basePath + path, methods]))
  const resume = `${basePath}${endpoints.authorization}/`
  const interaction = `${basePath}${endpoints.interaction}/`
  return (request, response) => {
    rewriteAbsoluteTarget(request)
    const path = pathOfTarget(request.url ?? '')
    const { method = '' } = request
    if (straight.get(path)?.includes(method) || (method === 'GET' && path.startsWith(resume)))
      toProtocol(request, response)
    else if ((method === 'GET' || method === 'POST') && path.startsWith(interaction)) toPages(request, response)
    else application(request, response)
  }
}

/** @returns the protocol, for its own paths alone, and told of what stands below the issuer */
function belowIssuer(protocol: Handler, basePath: string): Handler {
  return (request, response, next) => {
    const { url = '' } = request
    const below = url.slice(basePath.length)
    if (!url.startsWith(basePath) || !isProtocolPath(pathOfTarget(below))) return next()
    request.url = below
    protocol(request, response, next)
  }
}

/** Runs one handler after the other. Errors go to the error handler. */
function chain(steps: readonly Handler[], { errors }: Pick<Handlers, 'errors'>): RequestListener {
  return (request: InboundRequest, response) => {
    request.originalUrl = request.url!
    const fail = (error: unknown) => errors(error, request, response, () => void response.destroy())
    const go = (at: number): void => {
      try {
        steps[at]?.(request, response, (error) => (error === undefined ? go(at + 1) : fail(error)))
      } catch (error) {
        fail(error)
      }
    }
    go(0)
  }
}

function createExpressApplication(handlers: Handlers): express.Express {
  const application = express()
  application.disable('x-powered-by')
  application.disable('etag')
  application.set('query parser', false)
  const discovery: RequestHandler = (request, response, next) => {
    if (!handlers.discovery(request, response, pathOfTarget(request.url))) next()
  }
  const { requestLog, headers, pinHost, requestContext, assets, logos } = handlers
  const { options, keysLoaded, pages, logoutGuard, postByGet, protocol, notFound, errors } = handlers
  application.use(requestLog, headers, pinHost, requestContext, assets, logos, discovery)
  application.use(options, keysLoaded, pages, logoutGuard, postByGet, protocol, notFound)
  application.use(errors)
  return application
}
