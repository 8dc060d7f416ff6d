import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request as Express and the short way hand it on. */
export type InboundRequest = IncomingMessage & { originalUrl?: string }

/** A handler that needs nothing of Express: it works on the short way, too. */
export type Handler = (request: InboundRequest, response: ServerResponse, next: (error?: unknown) => void) => void

/** @returns the path of a request target in origin-form, without its query */
export function pathOfTarget(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
