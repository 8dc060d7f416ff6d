import { jwksFaults } from '@nauthera/rules/jwks'
import { foreign } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { Fetch } from './outbound-fetch.ts'

// The library fetches a client's keys (jwks_uri) again at each request while the last attempt failed. Anybody can send
// such requests, so what fails is asked once a minute, whatever number of clients and requests want it.

/** Milliseconds, and addresses that are remembered. */
const askAgainAfter = 60_000
const mostRemembered = 10_000
/** Keys of one client, and bytes of their set: each key is parsed and kept, and an assertion without `kid` is tried with each. */
const mostKeys = 50
const mostBytes = 64 * 1024
/** Seconds: keys are fetched again at the latest after this, whatever the answer says. */
const longestFresh = 3600

interface Failure {
  readonly at: number
  readonly error: Error
}

/** A `fetch` for key sets. Keys that can verify nothing (RSA below 2048 bits, private or malformed ones) are left out.
 *  @param needs.now milliseconds, monotonic
 *  @throws what went wrong the last time, while that is less than a minute ago */
export function createJwksFetch(needs: { fetch: Fetch; log: Log; now: () => number }): Fetch {
  const failures = new Map<string, Failure>()
  const running = new Map<string, Promise<{ keys: readonly object[]; freshFor: number }>>()

  const ask = async (url: string, init: RequestInit | undefined) => {
    try {
      return await readKeys(await needs.fetch(url, init))
    } catch (error) {
      remember(failures, url, { at: needs.now(), error: error as Error })
      needs.log.warn({ error, url: foreign(url) }, 'the keys of a client cannot be fetched; trying again in a minute')
      throw error
    }
  }

  return async (input, init) => {
    const url = String(input)
    const failure = failures.get(url)
    if (failure !== undefined && needs.now() - failure.at < askAgainAfter) throw failure.error
    failures.delete(url)
    let asking = running.get(url)
    if (asking === undefined) running.set(url, (asking = ask(url, init).finally(() => running.delete(url))))
    const { keys, freshFor } = await asking
    return Response.json({ keys }, { headers: { 'cache-control': `max-age=${freshFor}` } })
  }
}

/** The oldest is forgotten when there are too many. */
function remember(failures: Map<string, Failure>, url: string, failure: Failure): void {
  failures.delete(url)
  failures.set(url, failure)
  const [oldest] = failures.keys()
  if (failures.size > mostRemembered && oldest !== undefined) failures.delete(oldest)
}

async function readKeys(answer: Response): Promise<{ keys: readonly object[]; freshFor: number }> {
  if (answer.status !== 200) throw new Error(`the answer has the status ${answer.status}, not 200`)
  const text = await answer.text()
  if (text.length > mostBytes) throw new Error(`the JWK set is larger than ${mostBytes / 1024} KiB`)
  const set: unknown = JSON.parse(text)
  const keys: unknown = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) throw new Error('the answer is no JWK set: an object whose keys is a list')
  if (keys.length > mostKeys) throw new Error(`the JWK set has more than ${mostKeys} keys`)
  const usable = keys.filter((key: unknown) => jwksFaults({ keys: [key] }).length === 0) as object[]
  const maxAge = /max-age=(\d{1,9})/.exec(answer.headers.get('cache-control') ?? '')?.[1]
  return { keys: usable, freshFor: Math.min(Number(maxAge ?? 0), longestFresh) }
}
