import type { IncomingMessage } from 'node:http'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { spanRecorder } from '@nauthera/runtime/traces'
import type { OpenSpan } from '@nauthera/runtime/traces'
import { serverMetrics } from '../../metrics.ts'
import { createIds } from '../../oidc/keys/random-ids.ts'
import { grantedTo, hadOddPrompt, wasInLane } from '../../oidc/request-line.ts'
import { pathOfTarget, soleHeader } from './handler.ts'
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
  readonly status: number
  readonly seconds: number
}

/** Creates the correlation id of each request and logs one line at its end. For a granted token it is also the audit line. The line has no
 *  query, cookie, body or token, and of the path only known words.
 *  @param needs.observe gets the same, for the metrics */
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
    const span = spanRecorder()?.openRequest(
      `${method} ${route}`,
      { 'http.request.method': method, 'http.route': route, correlation_id: id },
      soleHeader(request, 'traceparent'),
    )
    response.once('close', () => {
      const milliseconds = Math.round((needs.now() - start) * 10) / 10
      const status = response.writableFinished ? response.statusCode : 499
      const write = () => writeLine(needs.log, request, { id, method, route, status, milliseconds })
      if (span === undefined) write()
      else endSpan(span, status, write)
      needs.observe?.({ route, status, seconds: milliseconds / 1000 })
    })
    if (span === undefined) next()
    else span.run(next)
  }
}

/** @param write writes the request's line, which names the span */
function endSpan(span: OpenSpan, status: number, write: () => void): void {
  span.run(write)
  span.end({ 'http.response.status_code': status }, status >= 500 ? 'failed' : 'ok')
}

function writeLine(
  log: Log,
  request: IncomingMessage,
  about: { id: string; method: string; route: string; status: number; milliseconds: number },
): void {
  const granted = grantedTo(request)
  // the log leaves out what is undefined
  const lane = wasInLane(request) || undefined
  if (granted !== undefined) {
    const { method, route, status, milliseconds } = about
    const fields = { ...granted, method, route, status, milliseconds, lane }
    return status >= 500 ? log.warn(fields, 'audit') : log.later(fields, 'audit')
  }
  const prompt = hadOddPrompt(request) ? 'partly ignored' : undefined
  const fields = { ...about, address: peerOf(request)?.address, lane, prompt }
  if (about.status >= 500) log.warn(fields, 'request')
  else if (about.status >= 400) log.info(fields, 'request')
  else log.later(fields, 'request')
}

/** Counts requests and measures their time, for `observe`. */
export function observeRequests(metrics: Metrics): (request: ObservedRequest) => void {
  const requests = metrics.counter(serverMetrics.requests)
  const latency = metrics.histogram(serverMetrics.requestSeconds)
  return ({ route, status, seconds }) => {
    requests.inc({ route, status: String(status) })
    latency.observe({ route }, seconds)
  }
}

/** Names routes as the route tables do, so that no id or code gets into logs or metric labels, and a stranger cannot make new names.
 *  @param paths below the issuer, as route tables write them: `/interaction/:uid/sign-in`
 *  @param basePath the issuer's path, '' when it has none
 *  @returns the path of the table, with `:` for each parameter; `*` for what is not there below a known first word; `other` for the rest */
export function createRouteNames(paths: readonly string[], basePath: string): (path: string) => string {
  const routes = paths.map((path) => path.split('/').map((segment) => (segment.startsWith(':') ? ':' : segment)))
  const fixed = new Set(paths.filter((path) => path !== '/' && !path.includes(':')))
  // fixed words win over parameters
  const open = (route: readonly string[]) => route.filter((segment) => segment === ':').length
  const byFirst = Map.groupBy(
    routes.toSorted((one, other) => open(one) - open(other)),
    ([, first]) => first,
  )
  return (path) => {
    const below = path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path
    if (fixed.has(below)) return below
    const asked = below.split('/', 12)
    const [, first = ''] = asked
    const known = byFirst.get(first)
    if (known === undefined || first === '') return 'other'
    const route = known.find(
      (each) => each.length === asked.length && each.every((segment, at) => segment === ':' || segment === asked[at]),
    )
    return route === undefined ? `/${first}/*` : route.join('/')
  }
}
