import type { Store } from '../../store/store.ts'
import type { LibraryPart } from './library-part.ts'

// Long parameters of a pushed request do not fit into the interaction's cookie. The cookie holds the id of the pushed
// request instead, and they are read from there again.

/** Characters. */
const longestParam = 200

/** The payload for the cookie, without long parameters; `leftInPushed` names those to read again. */
export function withoutPushedParams(payload: LibraryPart): LibraryPart {
  if (payload.parJti === undefined) return payload
  const params = Object.entries(payload.params)
  const isLong = ([, value]: [string, unknown]) => JSON.stringify(value ?? null).length > longestParam
  const left = params.filter(isLong).map(([name]) => name)
  if (left.length === 0) return payload
  const short = Object.fromEntries(params.filter((param) => !isLong(param)))
  return { ...payload, params: { client_id: payload.params.client_id, ...short }, leftInPushed: left }
}

/** @returns undefined when the pushed request is gone */
export async function withPushedParams(
  payload: LibraryPart,
  store: Pick<Store, 'pushedRequests'>,
): Promise<LibraryPart | undefined> {
  const { leftInPushed, ...rest } = payload
  if (!Array.isArray(leftInPushed) || rest.parJti === undefined) return payload
  const pushed = await store.pushedRequests.find(rest.parJti)
  if (pushed === undefined) return undefined
  const [, body = ''] = String(pushed['request']).split('.')
  const all = JSON.parse(Buffer.from(body, 'base64url').toString()) as Readonly<Record<string, unknown>>
  const params = leftInPushed.map((name: string) => {
    const value = all[name]
    return [name, typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : value]
  })
  return { ...rest, params: { ...rest.params, ...Object.fromEntries(params) } }
}
