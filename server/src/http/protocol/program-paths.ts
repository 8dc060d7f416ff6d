import { paths } from '@nauthera/rules/endpoints'
import { pathOfTarget } from '../request/handler.ts'
import type { InboundRequest } from '../request/handler.ts'

/** Paths for programs, below the issuer; only the library answers them. */
export const programPaths: readonly string[] = [
  paths.token,
  paths.introspection,
  paths.revocation,
  paths.pushedRequest,
  paths.deviceAuthorization,
  paths.userinfo,
]

const asksForPage = /^\s*(text\/(html|\*)|application\/xhtml\+xml)\s*(;|$)/i

/** Makes sure that programs get errors as JSON: some HTTP libraries, such as that of Java, send an Accept that begins with text/html.
 *  Everything that asks for a page is removed from Accept, for us and for oidc-provider.
 *  @param basePath the issuer's path, '' when it has none
 *  Source: RFC 6749 section 5.2. */
export function keepToJson(request: InboundRequest, basePath: string): void {
  const { accept } = request.headers
  const path = pathOfTarget(request.url ?? '')
  if (accept === undefined || !path.startsWith(basePath) || !programPaths.includes(path.slice(basePath.length))) return
  const others = accept.split(',').filter((range) => !asksForPage.test(range))
  request.headers.accept = others.length === 0 ? '*/*' : others.join(',')
}
