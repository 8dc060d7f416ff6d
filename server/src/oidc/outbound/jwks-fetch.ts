// Fetches clients' keys (jwks_uri), and a failing URL only once a minute for each requester. The library would retry at each request, and
// anybody can send those. While a URL fails, its last good keys count for a day.
import { isSoundKey } from '@nauthera/rules/jwks'
import { BoundedMap } from '@nauthera/runtime/bounded-map'
import { foreignUri } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { createAsking } from './asking.ts'
import type { Fetch } from './outbound-fetch.ts'

/** Keys of one client, and bytes of their set: each key is parsed and kept, and an assertion without `kid` is tried with each. */
const mostKeys = 50
const mostBytes = 64 * 1024
/** Seconds: keys are fetched again at the latest after this, whatever the answer says. */
export const longestFresh = 3600
/** Milliseconds since they were fetched. */
const longestKept = 86_400_000
/** Of all last good keys, in characters. */
const mostKept = { entries: 10_000, weight: 16 * 1024 * 1024 }

interface KeysOfClient {
  /** A JWK set. */
  readonly set: string
  readonly freshFor: number
}

/** A `fetch` for key sets. Keys that can verify nothing (weak, private or malformed ones) are left out.
 *  @param needs.asker the address of who asks now; undefined where addresses are unknown
 *  @param needs.now milliseconds, monotonic
 *  @throws what went wrong the last time, while that is less than a minute ago and no last good keys count */
export function createJwksFetch(needs: {
  fetch: Fetch
  asker: () => string | undefined
  log: Log
  now: () => number
}): Fetch {
  const asking = createAsking<KeysOfClient>(needs)
  /** The last good keys of each URL. */
  const kept = new BoundedMap<{ readonly set: string; readonly at: number }>(mostKept)
  const keptOf = (url: string): string | undefined => {
    const one = kept.get(url)
    return one !== undefined && needs.now() - one.at < longestKept ? one.set : undefined
  }

  const read = async (url: string, init: RequestInit | undefined) => {
    const at = needs.now()
    try {
      const keys = await readKeys(await needs.fetch(url, init))
      kept.set(url, { set: keys.set, at }, keys.set.length)
      return keys
    } catch (error) {
      needs.log.warn(
        { error, url: foreignUri(url) },
        'the keys of a client cannot be fetched; trying again in a minute, and the last good ones stay for a day',
      )
      throw error
    }
  }

  return async (input, init) => {
    const url = String(input)
    const asked = await asking.request({ of: url }, () => read(url, init))
    if (asked.kind === 'answered') return answerWith(asked.value)
    const set = keptOf(url)
    if (set !== undefined) return answerWith({ set, freshFor: 0 })
    throw asked.kind === 'failed' ? asked.error : new Error('too many are asked for')
  }
}

/** The library takes them for fresh for a minute at least. */
const answerWith = ({ set, freshFor }: KeysOfClient): Response =>
  new Response(set, { headers: { 'content-type': 'application/json', 'cache-control': `max-age=${freshFor}` } })

async function readKeys(answer: Response): Promise<KeysOfClient> {
  if (answer.status !== 200) throw new Error(`the answer has the status ${answer.status}, not 200`)
  const text = await answer.text()
  if (text.length > mostBytes) throw new Error(`the JWK set is larger than ${mostBytes / 1024} KiB`)
  const set: unknown = JSON.parse(text)
  const keys: unknown = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) throw new Error('the answer is no JWK set: an object whose keys is a list')
  if (keys.length > mostKeys) throw new Error(`the JWK set has more than ${mostKeys} keys`)
  const maxAge = /max-age=(\d{1,9})/.exec(answer.headers.get('cache-control') ?? '')?.[1]
  return {
    set: JSON.stringify({ keys: keys.filter(isSoundKey) }),
    freshFor: Math.min(Number(maxAge ?? 0), longestFresh),
  }
}
