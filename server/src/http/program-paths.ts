import { paths } from '@nauthera/rules/endpoints'
import { pathOfTarget } from './handler.ts'
import type { InboundRequest } from './handler.ts'

/** What programs ask and the library alone answers, below the issuer. */
export const programPaths: readonly string[] = [
  paths.token,
  paths.introspection,
  paths.revocation,
  paths.pushedRequest,
  paths.userinfo,
]

const asksForPage = /^\s*(text\/(html|\*)|application\/xhtml\+xml)\s*(;|$)/i

/** Programs get each error as JSON, whatever their HTTP library says that it takes: Java's own begins with text/html. So what
 *  asks for a page is taken out of Accept, for us and for oidc-provider alike; other wishes stay.
 *  @param basePath the issuer's path, '' when it has none
 *  Source: RFC 6749 section 5.2. */
export function keepToJson(request: InboundRequest, basePath: string): void {
  const { accept } = request.headers
  const path = pathOfTarget(request.url ?? '')
  if (accept === undefined || !path.startsWith(basePath) || !programPaths.includes(path.slice(basePath.length))) return
  const others = accept.split(',').filter((range) => !asksForPage.test(range))
  request.headers.accept = others.length === 0 ? '*/*' : others.join(',')
}
