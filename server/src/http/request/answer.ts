// Writes an answer: a page, or a file.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RenderedPage } from '../../reply.ts'

/** Writes a rendered page; the body is left out for HEAD. */
export function answerPage(request: IncomingMessage, response: ServerResponse, page: RenderedPage): void {
  response.statusCode = page.status
  for (const [name, value] of Object.entries(page.headers)) response.setHeader(name, value)
  response.setHeader('content-length', Buffer.byteLength(page.body))
  response.end(request.method === 'HEAD' ? undefined : page.body)
}

/** Whether to answer with a page or JSON: browsers accept text/html, programs do not. */
export function wantsPage(request: { headers: { accept?: string | undefined } }): boolean {
  const accept = request.headers.accept ?? ''
  return /\btext\/html\b/i.test(accept)
}

/** Bytes with a media type. */
export interface MediaFile {
  readonly type: string
  readonly bytes: Buffer
}

/** Writes a file that a page loads; the body is left out for HEAD.
 *  @param cacheControl of the answer (RFC 9111) */
export function answerFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: MediaFile,
  cacheControl: string,
): void {
  response.setHeader('cache-control', cacheControl)
  response.setHeader('content-type', file.type)
  // somebody may open an SVG directly: no script in it must run
  response.setHeader(
    'content-security-policy',
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
  )
  response.setHeader('content-length', file.bytes.length)
  response.end(request.method === 'HEAD' ? undefined : file.bytes)
}
