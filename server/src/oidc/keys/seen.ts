import { hash } from 'node:crypto'
import { addNewest } from '@nauthera/runtime/add-newest'

/** The size of the cache: an API introspects the same token at each of its requests. */
const most = 1000

/** Caches results for valid tokens by hash, so that no token stays in memory. The caller must check expiry and key each time. */
export class Seen<Said> {
  readonly #byHash = new Map<string, Said>()

  find(text: string): Said | undefined {
    return this.#byHash.get(hash('sha256', text, 'base64'))
  }

  record(text: string, said: Said): void {
    addNewest(this.#byHash, hash('sha256', text, 'base64'), said, most)
  }
}
