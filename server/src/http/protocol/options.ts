import { paths } from '@nauthera/rules/endpoints'
import type { RequestHandler } from 'express'
import { answerError } from '../pages/error-page.ts'
import type { Pages } from '../pages/pages.ts'

const pages = ['GET', 'HEAD', 'POST']
const documents = ['GET', 'HEAD']

/** By path below the issuer. */
const methodsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ['/', documents],
  [paths.discovery, documents],
  [paths.metadata, documents],
  [paths.jwks, documents],
  [paths.authorization, pages],
  [paths.endSession, pages],
  [paths.userinfo, pages],
  [paths.device, pages],
  [paths.deviceAuthorization, ['POST']],
  [paths.token, ['POST']],
  [paths.introspection, ['POST']],
  [paths.revocation, ['POST']],
  [paths.pushedRequest, ['POST']],
])

/** All paths that the protocol answers, written as in a route table. */
export const protocolPaths: readonly string[] = [
  ...methodsOf.keys(),
  `${paths.authorization}/:uid`,
  `${paths.device}/:uid`,
  `${paths.endSession}/confirm`,
  `${paths.endSession}/success`,
]

/** What scripts of other origins may request: the protocol decides which ones. */
const ofPeople: readonly string[] = [paths.authorization, paths.endSession, paths.device]
const sharedPaths = new Set([...methodsOf.keys()].filter((path) => !ofPeople.includes(path)))

/** Answers OPTIONS with the methods of a path, and any other method with 405: Express itself knows only the routers before the
 *  protocol. A preflight goes on to the protocol where scripts of other origins are allowed; for a page it gets no CORS header.
 *  @param needs.basePath the issuer's path, '' when it has none
 *  Source: RFC 9110 sections 9.3.7 and 15.5.6. */
export function createOptions(needs: { basePath: string; pages: Pages }): RequestHandler {
  return (request, response, next) => {
    if (!request.path.startsWith(`${needs.basePath}/`)) return next()
    const path = request.path.slice(needs.basePath.length)
    const methods = path.startsWith(`${paths.interaction}/`) ? pages : methodsOf.get(path)
    if (methods === undefined || methods.includes(request.method)) return next()
    const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
    if (isPreflight && sharedPaths.has(path)) return next()
    const allowed = [...methods, 'OPTIONS'].join(', ')
    response.setHeader('allow', allowed)
    if (request.method !== 'OPTIONS') {
      const detail = `${request.method} is not possible here; use ${methods.join(' or ')}`
      const answer = { status: 405, code: 'METHOD_NOT_ALLOWED', key: 'method-not-allowed', detail }
      return answerError(request, response, answer, needs.pages.render)
    }
    response.statusCode = 204
    response.setHeader('cache-control', 'no-store')
    response.end()
  }
}
