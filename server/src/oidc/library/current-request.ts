import { AsyncLocalStorage } from 'node:async_hooks'
import { hasCode } from '@nauthera/runtime/coded-error'
import type { RequestContext } from '../request-context.ts'

// The request that the library works on now. Its hooks get no request as a parameter, or not all of it; all else does.

const storage = new AsyncLocalStorage<RequestContext>()

export const runInRequest = <T>(context: RequestContext, work: () => T): T => storage.run(context, work)

/** @throws TypeError outside of a request: a handler is not wrapped */
export function currentRequest(): RequestContext {
  const context = storage.getStore()
  if (context === undefined) throw new TypeError('no request context')
  return context
}

/** Whether there is a request: a new generation reads documents that belong to none. */
export const isInRequest = (): boolean => storage.getStore() !== undefined

/** Runs what needs PostgreSQL, and notes on the request when it is away: the answer then is 503, whatever the library
 *  makes of the error. */
export async function fromStore<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const request = storage.getStore()
    if (request && hasCode(error, 'STORE_UNAVAILABLE')) request.unavailable = true
    throw error
  }
}
