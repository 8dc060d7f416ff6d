import type { RequestListener } from 'node:http'
import express from 'express'
import type { RequestHandler } from 'express'
import type { Discovery } from './discovery.ts'
import type { ErrorHandler } from './error-page.ts'
import { pathOfTarget } from './handler.ts'
import type { Handler, InboundRequest } from './handler.ts'
import { programPaths } from './program-paths.ts'

/** The handlers of the public port, in their order. */
export interface Handlers {
  /** Correlation id, log line. */
  readonly requestLog: Handler
  /** Host and protocol from the issuer; forwarding headers dropped. */
  readonly pinHost: Handler
  /** Opens the context that the protocol's hooks find the request by. */
  readonly requestContext: Handler
  readonly headers: Handler
  readonly assets: RequestHandler
  /** Metadata and JWKS as ready bytes, for requests that were not answered in front of everything (see `listen`). */
  readonly discovery: Discovery
  /** OPTIONS of our own paths, and 405 for a method that they do not have. */
  readonly options: RequestHandler
  /** 503 until keys are loaded: nothing below works without. */
  readonly keysLoaded: Handler
  readonly pages: RequestHandler
  readonly postByGet: RequestHandler
  /** oidc-provider: last, with no body parser in front of it. */
  readonly protocol: Handler
  readonly notFound: Handler
  readonly errors: ErrorHandler
}

/** Requests of programs go a short way: nothing of pages, assets or forms is on it, and Express, which costs up to a tenth of
 *  a token request, neither.
 *  @param basePath the issuer's path, '' when it has none */
export function createApplication(handlers: Handlers, basePath: string): RequestListener {
  const { requestLog, pinHost, requestContext, headers, keysLoaded } = handlers
  const application = createLongWay(handlers, basePath)
  const below: Handler = (request, response, next) => {
    request.url = request.url!.slice(basePath.length)
    handlers.protocol(request, response, next)
  }
  const shortWay = chain([requestLog, pinHost, requestContext, headers, keysLoaded, below, handlers.notFound], handlers)
  const paths = new Set(programPaths.map((path) => `${basePath}${path}`))
  return (request, response) => {
    if (request.method === 'POST' && paths.has(pathOfTarget(request.url ?? ''))) shortWay(request, response)
    else application(request, response)
  }
}

/** One handler after the other. What one throws or hands on is answered as everywhere. */
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

function createLongWay(handlers: Handlers, basePath: string): express.Express {
  const application = express()
  application.disable('x-powered-by')
  application.disable('etag')
  application.set('query parser', false)
  application.use(handlers.requestLog)
  application.use(handlers.pinHost)
  application.use(handlers.requestContext)
  application.use(handlers.headers)
  application.use(handlers.assets)
  application.use((request, response, next) => {
    if (!handlers.discovery(request, response, request.path)) next()
  })
  application.use(handlers.options)
  application.use(handlers.keysLoaded)
  application.use(handlers.pages)
  application.use(handlers.postByGet)
  application.use(basePath === '' ? '/' : basePath, handlers.protocol)
  application.use(handlers.notFound)
  application.use(handlers.errors)
  return application
}
