import type { Store } from '../../store/store.ts'
import type { LibraryPart } from './library-part.ts'

// What is long in a pushed request is not copied into the interaction's cookie: its handle is.

/** Characters. */
const longestParam = 200

/** What a cookie holds in place of a payload: `leftInPushed` names the parameters to read again. */
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
