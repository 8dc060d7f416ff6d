import { pathOfTarget } from '../request/handler.ts'
import type { InboundRequest } from '../request/handler.ts'
import { protocolPaths } from './protocol-paths.ts'

const asksForPage = /^\s*(text\/(html|\*)|application\/xhtml\+xml)\s*(;|$)/i

/** Makes sure that programs get errors as JSON: some HTTP libraries, such as that of Java, send an Accept that begins with text/html.
 *  Everything that asks for a page is removed from Accept, for us and for oidc-provider.
 *  @param basePath the issuer's path, '' when it has none
 *  Source: RFC 6749 section 5.2. */
export function keepToJson(request: InboundRequest, basePath: string): void {
  const { accept } = request.headers
  const path = pathOfTarget(request.url ?? '')
  if (accept === undefined || !path.startsWith(basePath)) return
  if (protocolPaths.get(path.slice(basePath.length))?.of !== 'programs') return
  const others = accept.split(',').filter((range) => !asksForPage.test(range))
  request.headers.accept = others.length === 0 ? '*/*' : others.join(',')
}
