import { splitKey } from '../kubernetes/objects.ts'

/** Who waits for room under the limit of clients of their namespace: when one of that namespace goes, the oldest of them is looked at. */
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

  /** One of the namespace has gone. @returns the oldest that waits there; it waits no more, unless it is noted again */
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
