import { randomFillSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { paths } from '@nauthera/rules/endpoints'
import type { Log } from '@nauthera/runtime/log'
import { pathOfTarget } from './handler.ts'
import type { Handler } from './handler.ts'
import { peerOf } from './peer.ts'

/** The header that carries the correlation id, in both directions. */
const correlationHeader = 'x-correlation-id'

/** The id that stands in the answer's header, on the page, in the log and in the audit: 16 hex. Ours alone: a peer's own
 *  would let it forge another request's trail. */
export function correlationIdOf(request: IncomingMessage): string {
  const id = request.headers[correlationHeader]
  return typeof id === 'string' ? id : ''
}

/** Gives each request its correlation id and writes one line when it is over. The line has no query, cookie, body or
 *  token: of the path only words that are in our own route names.
 *  @param needs.observe is told the same, for the latency histogram */
export function createRequestLog(needs: {
  log: Log
  /** The issuer's path, '' when it has none. */
  basePath: string
  /** Milliseconds, monotonic. */
  now: () => number
  observe?: (request: { route: string; method: string; status: number; seconds: number }) => void
}): Handler {
  const nextId = createIds()
  return (request, response, next) => {
    const id = nextId()
    request.headers[correlationHeader] = id
    response.setHeader(correlationHeader, id)
    const { method = '', url = '' } = request
    const route = routeOf(pathOfTarget(url.replace(/^https?:\/\/[^/?#]*/i, '')), needs.basePath)
    const start = needs.now()
    response.once('close', () => {
      const milliseconds = Math.round((needs.now() - start) * 10) / 10
      const status = response.writableFinished ? response.statusCode : 499
      const address = peerOf(request)?.address
      const fields = { id, method, route, status, milliseconds, address }
      if (status >= 500) needs.log.warn(fields, 'request')
      else needs.log.info(fields, 'request')
      needs.observe?.({ route, method: methods.has(method) ? method : 'other', status, seconds: milliseconds / 1000 })
    })
    next()
  }
}

/** 16 hex each, random; drawn for many requests at once, since a draw costs more than the rest of an id. */
function createIds(): () => string {
  const pool = Buffer.alloc(4096)
  let at = pool.length
  return () => {
    if (at === pool.length) {
      randomFillSync(pool)
      at = 0
    }
    return pool.toString('hex', at, (at += 8))
  }
}

const methods = new Set(['GET', 'HEAD', 'POST', 'OPTIONS'])

const ofProtocol = Object.values(paths).map((path) => path.split('/').slice(1))

/** First segments below the issuer. Everything else is one route, so that a scanner makes no new label. */
const known = new Set([
  ...ofProtocol.map(([first]) => first),
  ...'device account federation forgot reset verify-email assets logout signed-out'.split(' '),
])
/** Words below those: an id, a code or a name is none of them. */
const words = new Set([
  ...ofProtocol.flatMap(([, ...rest]) => rest),
  ...(
    'auth confirm success callback ' +
    'sign-in account password consent switch cancel security sessions apps profile preferences'
  ).split(' '),
])

/** @returns the path with everything that is no word of ours as `:`; `other` for a path that is none of ours */
export function routeOf(path: string, basePath: string): string {
  const below = path.startsWith(`${basePath}/`) ? path.slice(basePath.length + 1) : path.slice(1)
  const [first = '', ...rest] = below.split('/').slice(0, 4)
  if (!known.has(first)) return 'other'
  return ['', first, ...rest.map((segment) => (words.has(segment) ? segment : ':'))].join('/')
}
