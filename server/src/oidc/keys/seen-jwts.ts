import { hash } from 'node:crypto'
import type { PlainJwt } from './plain-jwt.ts'

/** An API asks about the same token at each of its requests: of so many the signature is not looked at again. */
const most = 1000

/** JWTs whose signature was right. They are known by their hash, so that no token stays in memory; and only while the key is still one that
 *  counts. What else is asked of a token, such as its end, is for the caller to look at each time. */
export class SeenJwts {
  readonly #byHash = new Map<string, PlainJwt>()

  find(token: string, keys: readonly object[]): PlainJwt | undefined {
    const seen = this.#byHash.get(hash('sha256', token, 'base64'))
    return seen && keys.includes(seen.key) ? seen : undefined
  }

  keep(token: string, jwt: PlainJwt): void {
    const [oldest] = this.#byHash.keys()
    if (this.#byHash.size >= most && oldest !== undefined) this.#byHash.delete(oldest)
    this.#byHash.set(hash('sha256', token, 'base64'), jwt)
  }
}
