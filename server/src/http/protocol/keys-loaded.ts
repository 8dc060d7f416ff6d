import { CodedError } from '@nauthera/runtime/coded-error'
import type { Handler } from '../request/handler.ts'

/** Answers 503 until keys are loaded: the handlers after it need them. */
export function createKeysLoaded(keys: { isReady(): boolean }): Handler {
  return (_request, _response, next) =>
    keys.isReady() ? next() : next(new CodedError('STORE_UNAVAILABLE', { message: 'keys are not loaded yet' }))
}
