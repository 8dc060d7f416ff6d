// Answers an error with its status, as page or JSON, with Retry-After.
import { CodedError } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import type { Log } from '@nauthera/runtime/log'
import type { ServerResponse } from 'node:http'
import type { Page, RenderPage } from '../../reply.ts'
import { isErrorCode } from '../../errors.ts'
import type { ErrorCode } from '../../errors.ts'
import { answerPage, wantsPage } from '../request/answer.ts'
import type { Handler, InboundRequest } from '../request/handler.ts'
import type { Pages } from './pages.ts'
import { correlationIdOf } from '../request/request-log.ts'

/** What a caller gets for an error. */
export interface ErrorAnswer {
  readonly status: number
  /** For support requests. */
  readonly code: string
  /** Key under `error.` in the locales: the text of the page. */
  readonly key: string
  /** Only for programs, after the code. */
  readonly detail?: string | undefined
  /** Seconds; only when a retry can help. */
  readonly retryAfter?: number | undefined
  /** The sign-in must start again: the same address would give the same answer. */
  readonly isOver?: true | undefined
}

/** The answers to coded errors. Every other code is a 500. */
const answers: Partial<Record<ErrorCode, Omit<ErrorAnswer, 'code'>>> = {
  STORE_UNAVAILABLE: { status: 503, key: 'unavailable', retryAfter: 2 },
  PASSWORD_QUEUE_FULL: { status: 429, key: 'busy', retryAfter: 2 },
  INTERACTION_EXPIRED: { status: 403, key: 'interaction-expired' },
  INTERACTION_SPENT: { status: 400, key: 'interaction-spent' },
  SIGN_IN_ENDED: { status: 400, key: 'sign-in-ended' },
  SIGN_IN_LOST: { status: 503, key: 'sign-in-lost', retryAfter: 2, isOver: true },
}

/** @returns the answer to one of these codes; undefined for others */
export function answerToCode(code: unknown): ErrorAnswer | undefined {
  const answer = isErrorCode(code) ? answers[code] : undefined
  return answer && { ...answer, code: String(code) }
}

/** @returns the answer to any error: by code, by the status of a body parser, else 500 */
export function answerTo(error: unknown): ErrorAnswer {
  if (error instanceof CodedError) {
    return answerToCode(error.code) ?? { status: 500, code: 'INTERNAL', key: 'internal' }
  }
  const status = statusOf(error)
  if (status === 413) return { status, code: 'BODY_TOO_LARGE', key: 'too-large' }
  if (status === 415) return { status, code: 'BODY_UNREADABLE', key: 'bad-request' }
  if (status !== undefined) return { status: 400, code: 'REQUEST_INVALID', key: 'bad-request' }
  return { status: 500, code: 'INTERNAL', key: 'internal' }
}

/** @param path of the request, for "Try again" */
export function pageFor(answer: ErrorAnswer, path?: string): Page {
  const { status, code, key, retryAfter, isOver } = answer
  const retryUrl = retryAfter === undefined || isOver ? undefined : path
  return { kind: 'page', view: 'error', status, retryAfter, model: { key, code, retryUrl } }
}

export type ErrorHandler = (
  error: unknown,
  request: InboundRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** The last handler: answers thrown errors with a page, or with JSON as OAuth defines it. The error itself is only logged. */
export function createErrorHandler(needs: { pages: Pages; log: Log }): ErrorHandler {
  return (error, request, response, next) => {
    const answer = answerTo(error)
    const fields = { id: correlationIdOf(request), code: answer.code, error }
    if (answer.status === 500) needs.log.error(fields, 'request failed')
    if (response.headersSent) return next(error)
    answerError(request, response, answer, needs.pages.render, pageFor(answer, pathOf(request)))
  }
}

/** Answers a browser with a page and a program with JSON. */
export function answerError(
  request: InboundRequest,
  response: ServerResponse,
  answer: ErrorAnswer,
  render: RenderPage,
  page: Page = pageFor(answer),
): void {
  if (wantsPage(request)) answerPage(request, response, render(page, request))
  else answerJson(response, answer)
}

/** Answers a request that no route takes: 404. */
export function createNotFound(needs: { pages: Pages }): Handler {
  const answer: ErrorAnswer = { status: 404, code: 'NOT_FOUND', key: 'not-found' }
  return (request, response) => answerError(request, response, answer, needs.pages.render)
}

function answerJson(response: ServerResponse, answer: ErrorAnswer): void {
  if (answer.retryAfter !== undefined) response.setHeader('retry-after', String(answer.retryAfter))
  response.setHeader('cache-control', 'no-store')
  const error = answer.status === 503 || answer.status === 429 ? 'temporarily_unavailable' : undefined
  const fallback = answer.status === 500 ? 'server_error' : 'invalid_request'
  const description = answer.detail === undefined ? answer.code : `${answer.code}: ${answer.detail}`
  const body = JSON.stringify({ error: error ?? fallback, error_description: description })
  response.statusCode = answer.status
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

/** @returns the requested path, safe as a link: `//host` would lead to another server */
export function pathOf(request: Pick<InboundRequest, 'originalUrl'>): string {
  return (request.originalUrl ?? '/').replace(/^[/\\]+/, '/')
}

/** The 4xx status of an error from a body parser or the page router; otherwise undefined. */
function statusOf(error: unknown): number | undefined {
  const { status } = fieldsOf(error)
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}
