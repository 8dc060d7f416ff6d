import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RenderedPage } from '../reply.ts'

/** Writes a rendered page; the body is left out for HEAD. */
export function answerPage(request: IncomingMessage, response: ServerResponse, page: RenderedPage): void {
  response.statusCode = page.status
  for (const [name, value] of Object.entries(page.headers)) response.setHeader(name, value)
  response.setHeader('content-length', Buffer.byteLength(page.body))
  response.end(request.method === 'HEAD' ? undefined : page.body)
}

/** Whether the caller wants a page; else it gets JSON. Browsers name text/html in Accept, programs do not. */
export function wantsPage(request: { headers: { accept?: string | undefined } }): boolean {
  const accept = request.headers.accept ?? ''
  return /\btext\/html\b/i.test(accept)
}
