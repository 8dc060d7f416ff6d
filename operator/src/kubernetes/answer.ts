// Reads answers of the Kubernetes API, or of a proxy in front of it.
import type { IncomingMessage } from 'node:http'
import { fieldsOf, hasShape, parseJsonRecord } from '@nauthera/runtime/json'
import { ApiError, parseRetryAfter } from './api-error.ts'

/** The call, for messages. */
interface Asked {
  readonly method: string
  readonly path: string
}

const maxAnswerBytes = 64 * 1024 * 1024

/** @returns the parsed answer. @throws ApiError when it is a refusal, or not JSON */
export async function readAnswer(response: IncomingMessage, call: Asked): Promise<unknown> {
  if (isRefusal(response)) throw await refusalOf(response, call)
  return parseAnswer(call, await readText(response, call))
}

/** By events: for short answers an iterator costs more than the reading. */
function readText(response: IncomingMessage, call: Asked): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxAnswerBytes) {
        const message = `${call.path}: answer of more than ${maxAnswerBytes} bytes`
        reject(new ApiError('KUBERNETES_ANSWER_INVALID', { message }))
        response.destroy()
      } else chunks.push(chunk)
    })
    const cut = () => reject(new Error('the answer was cut'))
    // nothing more would come of one that was cut before
    if (response.destroyed) return cut()
    response.on('error', reject)
    response.on('close', cut)
    response.on('end', () => (response.complete ? resolve(Buffer.concat(chunks).toString('utf8')) : cut()))
  })
}

/** Yields each line of a watch, parsed. @param heard called whenever bytes have come */
export async function* readLines(response: IncomingMessage, call: Asked, heard: () => void): AsyncGenerator<unknown> {
  response.setEncoding('utf8')
  let rest = ''
  for await (const chunk of response) {
    heard()
    rest += String(chunk)
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield parseAnswer(call, line)
  }
}

export const isRefusal = (response: IncomingMessage): boolean => (response.statusCode ?? 500) >= 300

const statusShape = {
  required: { kind: 'string' },
  optional: { reason: 'string', message: 'string', details: 'record' },
} as const

/** @returns the refusal as an error */
export async function refusalOf(response: IncomingMessage, call: Asked): Promise<ApiError> {
  const text = await readText(response, call)
  const status = response.statusCode ?? 500
  const answer = parseJsonRecord(text)
  // another object, or none: some proxy answered
  const isStatus = hasShape(answer, statusShape) && answer.kind === 'Status'
  const retryAfterMs = parseRetryAfter(response.headers['retry-after'])
  const causes = isStatus ? reasonsIn(answer.details?.['causes']) : []
  return new ApiError('KUBERNETES_REFUSED', {
    message: `${call.method} ${call.path}: ${status} ${isStatus ? (answer.message ?? '') : 'without a Status'}`.trim(),
    status,
    ...(isStatus && answer.reason ? { reason: answer.reason } : {}),
    causes,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

const reasonsIn = (causes: unknown): string[] =>
  (Array.isArray(causes) ? causes : [])
    .map((cause) => fieldsOf(cause)['reason'])
    .filter((reason) => typeof reason === 'string')

function parseAnswer(call: Asked, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ApiError('KUBERNETES_ANSWER_INVALID', { message: `${call.method} ${call.path}: not JSON`, cause })
  }
}
