import { pathOfTarget } from '../request/handler.ts'
import type { InboundRequest } from '../request/handler.ts'
import { protocolPaths } from './protocol-paths.ts'

const asksForPage = /^\s*(text\/(html|\*)|application\/xhtml\+xml)\s*(;|$)/i

/** Removes text/html from Accept, so that programs get errors as JSON: some HTTP libraries, such as Java's, send it.
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
