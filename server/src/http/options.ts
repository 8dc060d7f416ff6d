import type { RequestHandler } from 'express'

const pages = ['GET', 'HEAD', 'POST']
const documents = ['GET', 'HEAD']

/** By path below the issuer. */
const methodsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ['/.well-known/openid-configuration', documents],
  ['/.well-known/oauth-authorization-server', documents],
  ['/jwks', documents],
  ['/auth', pages],
  ['/session/end', pages],
  ['/me', pages],
  ['/token', ['POST']],
  ['/token/introspection', ['POST']],
  ['/token/revocation', ['POST']],
  ['/request', ['POST']],
])

/** What pages of other origins may ask for: the protocol answers whether this one may. */
const sharedPaths = new Set([...methodsOf.keys()].filter((path) => path !== '/auth' && path !== '/session/end'))

/** Says which methods a path has: Express would count only the routers in front of the protocol. A preflight of a path that
 *  other origins may ask goes on; one of a page gets no header that would let a page of another origin in.
 *  @param needs.basePath the issuer's path, '' when it has none
 *  Source: RFC 9110 section 9.3.7. */
export function createOptions(needs: { basePath: string }): RequestHandler {
  return (request, response, next) => {
    if (request.method !== 'OPTIONS' || !request.path.startsWith(`${needs.basePath}/`)) return next()
    const path = request.path.slice(needs.basePath.length)
    const methods = path.startsWith('/interaction/') ? pages : methodsOf.get(path)
    const isPreflight = request.headers['access-control-request-method'] !== undefined
    if (methods === undefined || (isPreflight && sharedPaths.has(path))) return next()
    response.statusCode = 204
    response.setHeader('allow', [...methods, 'OPTIONS'].join(', '))
    response.setHeader('cache-control', 'no-store')
    response.end()
  }
}
