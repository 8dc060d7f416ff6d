import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request as Express, or the list of handlers for programs, passes it on. */
export type InboundRequest = IncomingMessage & { originalUrl?: string }

/** A handler that needs nothing of Express, so that it works for requests of programs too (application.ts). */
export type Handler = (request: InboundRequest, response: ServerResponse, next: (error?: unknown) => void) => void

/** @returns the path of a request target in origin-form, without its query */
export function pathOfTarget(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
