import { hash } from 'node:crypto'

/** An API asks about the same token at each of its requests: of so many nothing is computed again. */
const most = 1000

/** What was found out about texts that were right. They are known by their hash, so that no token stays in memory. Whether that still holds, such as whether
 *  the key still counts, and when a token ends, is for the caller to look at each time. */
export class Seen<Said> {
  readonly #byHash = new Map<string, Said>()

  find(text: string): Said | undefined {
    return this.#byHash.get(hash('sha256', text, 'base64'))
  }

  record(text: string, said: Said): void {
    const [oldest] = this.#byHash.keys()
    if (this.#byHash.size >= most && oldest !== undefined) this.#byHash.delete(oldest)
    this.#byHash.set(hash('sha256', text, 'base64'), said)
  }
}
