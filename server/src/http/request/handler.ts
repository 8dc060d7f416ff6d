import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request as Express or our own chain passes it on. */
export type InboundRequest = IncomingMessage & { originalUrl?: string }

/** A handler without Express, so that it also works in the short chain (application.ts). */
export type Handler = (request: InboundRequest, response: ServerResponse, next: (error?: unknown) => void) => void

/** @returns the path of a request target in origin-form, without its query */
export function pathOfTarget(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/** @param name in lower case
 *  @returns a header as sent; undefined for none or several. Cheaper than `headers`, for which Node parses all headers */
export function soleHeader({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string): string | undefined {
  let found: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at]!
    if (given.length !== name.length || given.toLowerCase() !== name) continue
    if (found !== undefined) return undefined
    found = rawHeaders[at + 1]
  }
  return found
}
