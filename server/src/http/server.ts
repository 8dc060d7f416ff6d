import { readFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import express from 'express'
import type { RequestHandler } from 'express'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { Discovery } from './discovery.ts'
import type { ErrorHandler } from './error-page.ts'
import { pathOfTarget } from './handler.ts'
import type { Handler, InboundRequest } from './handler.ts'
import { namesHostTwice } from './pin-host.ts'
import { programPaths } from './program-paths.ts'
import { inboundLimits } from './timeouts.ts'

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

export interface PublicServer {
  readonly port: number
  /** Ends each connection with its next answer. After `lingerMs`, or when none is open, takes no new ones and closes the
   *  idle ones; requests in flight have `graceMs` more. */
  stop(options: { lingerMs: number; graceMs: number }): Promise<void>
}

/** Milliseconds. */
const rereadTlsEvery = 60_000

/** Metadata and JWKS are most of the requests and depend on nothing but the host: they are answered in front of
 *  everything else, without a log line.
 *  @param options.hosts values of the Host header that are ours
 *  @throws CodedError LISTEN_FAILED, TLS_FILE_INVALID */
export async function listen(options: {
  application: RequestListener
  discovery: Discovery
  hosts: ReadonlySet<string>
  listen: { host: string; port: number }
  tls: { certFile: string; keyFile: string } | undefined
  log: Log
}): Promise<PublicServer> {
  const { application, discovery, hosts, tls, log } = options
  let stopping = false
  const answer: RequestListener = (request, response) => {
    if (stopping) response.setHeader('connection', 'close')
    const { host = '' } = request.headers
    if (hosts.has(host) && !namesHostTwice(request) && discovery(request, response, request.url ?? '')) return
    application(request, response)
  }
  const server: Server | HttpsServer = tls
    ? createHttps({ ...inboundLimits, minVersion: 'TLSv1.2', ...readTls(tls) }, answer)
    : createHttp(inboundLimits, answer)
  const rereading = tls && setInterval(() => rereadTls(server as HttpsServer, tls, log), rereadTlsEvery)
  rereading?.unref()
  const open = new Set<Socket>()
  let onAllClosed: (() => void) | undefined
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      if (open.size === 0) onAllClosed?.()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new CodedError('LISTEN_FAILED', {
          cause,
          message: `${options.listen.host}:${options.listen.port} cannot be opened`,
        }),
      ),
    )
    server.listen(options.listen.port, options.listen.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async stop({ lingerMs, graceMs }) {
      stopping = true
      clearInterval(rereading)
      // A client may send into an idle connection at the very moment in which we close it: it is told first.
      if (open.size > 0 && lingerMs > 0) {
        await new Promise<void>((resolve) => {
          const over = setTimeout(resolve, lingerMs)
          onAllClosed = () => (clearTimeout(over), resolve())
        })
      }
      const cut = setTimeout(() => server.closeAllConnections(), graceMs)
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      })
      clearTimeout(cut)
    },
  }
}

function readTls(tls: { certFile: string; keyFile: string }): { cert: Buffer; key: Buffer } {
  try {
    return { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) }
  } catch (cause) {
    throw new CodedError('TLS_FILE_INVALID', { cause })
  }
}

/** A certificate is renewed under the running server; a torn or wrong file keeps the last good one. */
function rereadTls(server: HttpsServer, tls: { certFile: string; keyFile: string }, log: Log): void {
  try {
    server.setSecureContext({ ...readTls(tls), minVersion: 'TLSv1.2' })
  } catch (error) {
    log.warn({ error }, 'certificate not taken; the one before stays')
  }
}
