import { paths } from '@nauthera/rules/endpoints'
import type { RequestHandler } from 'express'
import { answerError } from '../pages/error-page.ts'
import type { Pages } from '../pages/pages.ts'
import { pathOfTarget } from '../request/handler.ts'
import { protocolPaths } from './protocol-paths.ts'

const interactionMethods = ['GET', 'HEAD', 'POST']

/** Answers OPTIONS with the methods of a path, and an unknown method with 405. A CORS preflight goes on to the protocol; for a page it
 *  gets no CORS header.
 *  @param needs.basePath the issuer's path, '' when it has none
 *  Source: RFC 9110 sections 9.3.7 and 15.5.6. */
export function createOptions(needs: { basePath: string; pages: Pages }): RequestHandler {
  return (request, response, next) => {
    const asked = pathOfTarget(request.url)
    if (!asked.startsWith(`${needs.basePath}/`)) return next()
    const path = asked.slice(needs.basePath.length)
    const own = protocolPaths.get(path)
    const methods = path.startsWith(`${paths.interaction}/`) ? interactionMethods : own?.methods
    if (methods === undefined || methods.includes(request.method)) return next()
    const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
    if (isPreflight && own !== undefined && own.of !== 'people') return next()
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
