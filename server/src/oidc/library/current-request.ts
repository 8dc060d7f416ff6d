// The present request, for hooks of the library that do not get it as a parameter.
import { AsyncLocalStorage } from 'node:async_hooks'
import { hasCode } from '@nauthera/runtime/coded-error'
import type { RequestContext } from '../request-context.ts'

const storage = new AsyncLocalStorage<RequestContext>()

export const runInRequest = <T>(context: RequestContext, work: () => T): T => storage.run(context, work)

/** @throws TypeError outside of a request: a handler is not wrapped */
export function currentRequest(): RequestContext {
  const context = storage.getStore()
  if (context === undefined) throw new TypeError('there is no current request: run the handler in runInRequest')
  return context
}

/** Whether there is a request: a new generation reads its documents outside of any. */
export const isInRequest = (): boolean => storage.getStore() !== undefined

/** Runs work that needs PostgreSQL. When PostgreSQL does not answer, the response becomes 503, whatever the library does with the error. */
export async function fromStore<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const request = storage.getStore()
    if (request && hasCode(error, 'STORE_UNAVAILABLE')) request.unavailable = true
    throw error
  }
}
