import type { IncomingMessage } from 'node:http'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { createIds } from '../../oidc/keys/random-ids.ts'
import { grantedTo, hadOddPrompt, wasInLane } from '../../oidc/request-line.ts'
import { pathOfTarget } from './handler.ts'
import type { Handler } from './handler.ts'
import { peerOf } from './peer.ts'

/** The header that carries the correlation id, in both directions. */
const correlationHeader = 'x-correlation-id'

/** The correlation id of a request (16 hex), for the answer's header, the page, the log and the audit. We always create it: a caller's id
 *  could imitate another request. */
export function correlationIdOf(request: IncomingMessage): string {
  const id = request.headers[correlationHeader]
  return typeof id === 'string' ? id : ''
}

export interface ObservedRequest {
  readonly route: string
  readonly method: string
  readonly status: number
  readonly seconds: number
}

/** Creates the correlation id of each request and logs one line at its end. For a granted token it is also the audit line. The line has no
 *  query, cookie, body or token, and of the path only known words.
 *  @param needs.observe gets the same, for the latency histogram */
export function createRequestLog(needs: {
  log: Log
  /** The name of the route of a path, by `createRouteNames`. */
  routeOf: (path: string) => string
  /** Milliseconds, monotonic. */
  now: () => number
  observe?: (request: ObservedRequest) => void
}): Handler {
  const nextId = createIds({ bytes: 8, encoding: 'hex' })
  return (request, response, next) => {
    const id = nextId()
    request.headers[correlationHeader] = id
    response.setHeader(correlationHeader, id)
    const { method = '', url = '' } = request
    const route = needs.routeOf(pathOfTarget(url))
    const start = needs.now()
    response.once('close', () => {
      const milliseconds = Math.round((needs.now() - start) * 10) / 10
      const status = response.writableFinished ? response.statusCode : 499
      writeLine(needs.log, request, { id, method, route, status, milliseconds })
      needs.observe?.({ route, method: methods.has(method) ? method : 'other', status, seconds: milliseconds / 1000 })
    })
    next()
  }
}

function writeLine(
  log: Log,
  request: IncomingMessage,
  about: { id: string; method: string; route: string; status: number; milliseconds: number },
): void {
  const granted = grantedTo(request)
  const lane = wasInLane(request) || undefined
  if (granted !== undefined) {
    const { method, route, status, milliseconds } = about
    const fields = { ...granted, method, route, status, milliseconds, ...(lane && { lane }) }
    return status >= 500 ? log.warn(fields, 'audit') : log.later(fields, 'audit')
  }
  const fields = {
    ...about,
    address: peerOf(request)?.address,
    ...(lane && { lane }),
    ...(hadOddPrompt(request) && { prompt: 'partly ignored' }),
  }
  if (about.status >= 500) log.warn(fields, 'request')
  else if (about.status >= 400) log.info(fields, 'request')
  else log.later(fields, 'request')
}

/** The latency histogram, for `observe`. */
export function observeLatency(metrics: Metrics): (request: ObservedRequest) => void {
  const latency = metrics.histogram('nauthera_request_seconds', 'Latency of requests by route.', [
    'route',
    'method',
    'status',
  ])
  return ({ route, method, status, seconds }) => latency.observe({ route, method, status: String(status) }, seconds)
}

const methods = new Set(['GET', 'HEAD', 'POST', 'OPTIONS'])

/** Names routes by the known words of a path, so that no id or code gets into logs or metric labels.
 *  @param paths below the issuer, as route tables write them: `/interaction/:uid/sign-in`
 *  @param basePath the issuer's path, '' when it has none
 *  @returns the path below the issuer, with `:` for each unknown segment; `other` when the first is unknown */
export function createRouteNames(paths: readonly string[], basePath: string): (path: string) => string {
  const segments = paths.map((path) => path.split('/').slice(1))
  const first = new Set(segments.map(([segment]) => segment))
  const later = new Set(segments.flatMap(([, ...rest]) => rest).filter((segment) => !segment.startsWith(':')))
  return (path) => {
    const below = path.startsWith(`${basePath}/`) ? path.slice(basePath.length + 1) : path.slice(1)
    const [head = '', ...rest] = below.split('/').slice(0, 4)
    if (!first.has(head)) return 'other'
    return ['', head, ...rest.map((segment) => (later.has(segment) ? segment : ':'))].join('/')
  }
}
