import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LoadedAccount } from '../store/users.ts'
import type { Peer } from '../reply.ts'

/** What one request carries past the library, whose hooks see too little of each other. Opened by the first handler. */
export interface RequestContext {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly correlationId: string
  readonly peer: Peer
  /** The sealed artefact that the request is about, as its payload. */
  artefact?: Readonly<Record<string, unknown>>
  /** One query serves grant, account and session of a request. */
  loaded?: { readonly key: string; readonly account: LoadedAccount | undefined }
  /** The refresh family after this request's use of it. */
  family?: { readonly seq: number; readonly rotatedAt: number; readonly expiresAt: number }
  /** Set when PostgreSQL failed this request: the answer becomes 503, whatever the library made of it. */
  unavailable?: boolean
  /** Hands the request to the next handler: the library has no such path. */
  passOn?: () => void
  /** Which live secret of the client matched. */
  secret?: { readonly secretId: string; readonly previous: boolean }
}

const storage = new AsyncLocalStorage<RequestContext>()

export const runInRequest = <T>(context: RequestContext, work: () => T): T => storage.run(context, work)

/** @throws TypeError outside of a request: a handler is not wrapped */
export function currentRequest(): RequestContext {
  const context = storage.getStore()
  if (context === undefined) throw new TypeError('no request context')
  return context
}

/** @returns the context when there is one */
export const maybeRequest = (): RequestContext | undefined => storage.getStore()
