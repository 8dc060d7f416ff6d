// Replaces long parameters of a pushed request in the interaction's cookie, where they do not fit, by the request's id or the shorter
// sealed request.
import { parseJsonRecord } from '@nauthera/runtime/json'
import type { PushedRequests } from '../../store/tokens/pushed-requests.ts'
import type { LibraryPart } from './library-part.ts'

/** Characters. */
const longestParam = 200

/** Where the pushed request can be read again. */
export interface PushedSources {
  readonly store: { readonly pushedRequests: PushedRequests }
  /** Opens a sealed request. */
  readonly unsealRequest: (value: string) => { readonly request?: unknown } | undefined
}

/** The payload for the cookie, without long parameters; `leftInPushed` names those to read again.
 *  @param sealed the sealed request that it began with */
export function withoutPushedParams(payload: LibraryPart, sealed?: string): LibraryPart {
  if (payload.parJti === undefined) return payload
  const params = Object.entries(payload.params).map(([name, value]) => ({
    name,
    value,
    length: JSON.stringify(value ?? null).length,
  }))
  const long = params.filter(({ length }) => length > longestParam)
  const saved = long.reduce((sum, { length }) => sum + length, 0)
  if (long.length === 0 || saved <= (sealed?.length ?? 0)) return payload
  const short = Object.fromEntries(
    params.filter((param) => !long.includes(param)).map(({ name, value }) => [name, value]),
  )
  return {
    ...payload,
    params: { client_id: payload.params.client_id, ...short },
    leftInPushed: long.map(({ name }) => name),
    ...(sealed === undefined ? {} : { sealedRequest: sealed }),
  }
}

/** @returns undefined when the pushed request is gone */
export async function withPushedParams(payload: LibraryPart, sources: PushedSources): Promise<LibraryPart | undefined> {
  const { leftInPushed, sealedRequest, ...rest } = payload
  if (!Array.isArray(leftInPushed) || rest.parJti === undefined) return payload
  const pushed =
    typeof sealedRequest === 'string'
      ? sources.unsealRequest(sealedRequest)
      : await sources.store.pushedRequests.find(rest.parJti)
  if (pushed === undefined) return undefined
  const [, body = ''] = String(pushed.request).split('.')
  const all = parseJsonRecord(Buffer.from(body, 'base64url').toString()) ?? {}
  const params = leftInPushed.map((name: string) => {
    const value = all[name]
    return [name, isJson(name, value) ? JSON.stringify(value) : value]
  })
  return { ...rest, params: { ...rest.params, ...Object.fromEntries(params) } }
}

/** Parameters that are JSON, and that a request object has as such. Others are lists when they were given several times. */
const isJson = (name: string, value: unknown): boolean =>
  typeof value === 'object' && (name === 'authorization_details' || !Array.isArray(value))
