import { longestFresh } from '../../outbound/jwks-fetch.ts'
import { replace } from '../override.ts'
import type { Internals } from '../shapes.ts'

/** Client.find: a client's keys that are no longer fresh verify nothing. The library tries those that it has and fetches only when none
 *  fits, so it would accept a withdrawn key for as long as the client is used. Now none fits, and it fetches first. */
export function readKeysFirst({ Client }: Pick<Internals, 'Client'>): void {
  replace(Client, 'find', (original) => async (id) => {
    const client = await original.call(Client, id)
    const keys = client?.asymmetricKeyStore
    if (keys === undefined || Object.hasOwn(keys, 'selectForVerify')) return client
    // a clock that was set back would keep them fresh for as long as it was set back
    const isFarAhead = () => (keys.freshUntil ?? 0) - Date.now() / 1000 > longestFresh
    replace(keys, 'fresh', (fresh) => () => fresh.call(keys) && !isFarAhead())
    replace(keys, 'selectForVerify', (select) => (signature) => (keys.fresh() ? select.call(keys, signature) : []))
    return client
  })
}
