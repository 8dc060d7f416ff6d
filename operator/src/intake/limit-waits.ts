import { splitKey } from '../kubernetes/objects.ts'

/** Clients over the limit of their namespace. When a client there is removed, the oldest of them gets a look. */
export class LimitWaits {
  /** By namespace: epoch milliseconds of creation, by key. */
  readonly #waiting = new Map<string, Map<string, number>>()

  /** @param createdAt undefined when the client does not wait */
  record(key: string, createdAt: number | undefined): void {
    const { namespace } = splitKey(key)
    const waiting = this.#waiting.get(namespace)
    if (createdAt !== undefined) this.#waiting.set(namespace, (waiting ?? new Map()).set(key, createdAt))
    else if (waiting?.delete(key) === true && waiting.size === 0) this.#waiting.delete(namespace)
  }

  /** A client of the namespace was removed. @returns the oldest waiting client, which is no longer recorded */
  next(namespace: string): readonly string[] {
    let oldest: string | undefined
    let since = Infinity
    for (const [key, createdAt] of this.#waiting.get(namespace) ?? []) {
      if (createdAt > since || (createdAt === since && oldest !== undefined && key > oldest)) continue
      oldest = key
      since = createdAt
    }
    if (oldest === undefined) return []
    this.record(oldest, undefined)
    return [oldest]
  }
}
