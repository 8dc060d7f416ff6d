import { CodedError } from '@nauthera/runtime/coded-error'
import type { OperatorErrorCode } from '../errors.ts'

/** A failed call of the Kubernetes API. */
export class ApiError extends CodedError<OperatorErrorCode> {
  /** HTTP status; undefined without an answer: the call may have taken effect. */
  readonly status: number | undefined
  /** `reason` of the Status object, such as AlreadyExists, Conflict, Expired. */
  readonly reason: string | undefined
  /** Reasons of the causes that it gave, such as NamespaceTerminating. */
  readonly causes: readonly string[]
  /** What the server asked to wait. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: OperatorErrorCode,
    options: {
      message: string
      status?: number
      reason?: string
      causes?: readonly string[]
      retryAfterMs?: number
      cause?: unknown
    },
  ) {
    super(code, { message: options.message, cause: options.cause })
    this.name = 'ApiError'
    this.status = options.status
    this.reason = options.reason
    this.causes = options.causes ?? []
    this.retryAfterMs = options.retryAfterMs
  }
}

const hasStatus = (error: unknown, status: number): error is ApiError =>
  error instanceof ApiError && error.status === status

/** @returns whether the API itself said that the object is not there; a proxy's 404 page does not count */
export const isNotFound = (error: unknown): boolean => hasStatus(error, 404) && error.reason === 'NotFound'
export const isConflict = (error: unknown): boolean => hasStatus(error, 409) && error.reason !== 'AlreadyExists'
export const isAlreadyExists = (error: unknown): boolean => hasStatus(error, 409) && error.reason === 'AlreadyExists'
/** A terminating namespace refuses with the same status, which is not a matter of rights. */
export const isForbidden = (error: unknown): boolean => hasStatus(error, 403) && !isNamespaceEnding(error)
export const isNamespaceEnding = (error: unknown): boolean =>
  hasStatus(error, 403) && error.causes.includes('NamespaceTerminating')
export const isGone = (error: unknown): boolean => hasStatus(error, 410)

/** @returns whether what came was no answer that can be read, such as one that is too large */
export const isUnreadable = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'KUBERNETES_ANSWER_INVALID'

/** @param error of a list or a watch: these have no object that could be missing
 *  @returns whether the API server does not serve the kind; without its group it answers without a Status */
export const isNotServed = (error: unknown): boolean => hasStatus(error, 404)

/** @returns whether the API refused the object itself, so that a retry is useless */
export const isFinalRefusal = (error: unknown): boolean =>
  error instanceof ApiError && error.status !== undefined && [400, 403, 404, 413, 422].includes(error.status)

/** @returns how many milliseconds the API asked to wait; 0 when it did not */
export const askedWaitMs = (error: unknown): number => (error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0)

/** @returns the header's wait in milliseconds; undefined when it is missing or not a number of seconds */
export function parseRetryAfter(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,5}$/.test(header.trim())) return undefined
  return Number(header.trim()) * 1000
}

/** For `catch`: an expected refusal is an answer, everything else is thrown again. */
export const insteadWhen =
  <T>(isExpected: (error: unknown) => boolean, answer: T) =>
  (error: unknown): T => {
    if (isExpected(error)) return answer
    throw error
  }
