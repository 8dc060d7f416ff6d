// Bodies of requests and answers.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Refusal } from '../refusals.ts'

const maxBodyBytes = 3 * 1024 * 1024

/** @throws Refusal 413 over 3 MiB */
export async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBodyBytes)
      throw new Refusal(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyBytes}`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** @param body text as it is, anything else as JSON */
export function answer(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Readonly<Record<string, string | string[]>> = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers }).end(text)
}

/** The refusal as a Status object; anything else that was thrown is a 500. */
export function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy()
  const refusal = error instanceof Refusal ? error : new Refusal(500, 'InternalError', describe(error))
  const retry = refusal.retryAfterSeconds === undefined ? {} : { 'retry-after': String(refusal.retryAfterSeconds) }
  answer(response, refusal.code, refusal.toStatus(), retry)
}

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

/** A response that takes everything and sends nothing. */
export function muteResponse(response: ServerResponse): ServerResponse {
  return new Proxy(response, {
    get: (target, property, receiver): unknown => {
      if (property === 'writeHead' || property === 'end' || property === 'write') return () => receiver as unknown
      const value = Reflect.get(target, property, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
