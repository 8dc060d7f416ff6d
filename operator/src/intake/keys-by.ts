/** Keys of objects by something that they have in common. A single key is stored without a set, which would take ten times the memory. */
export class KeysBy {
  readonly #keys = new Map<string, string | Set<string>>()

  of(common: string): Iterable<string> {
    const keys = this.#keys.get(common) ?? []
    return typeof keys === 'string' ? [keys] : keys
  }

  /** @returns all that they have in common */
  all(): Iterable<string> {
    return this.#keys.keys()
  }

  count(common: string): number {
    const keys = this.#keys.get(common)
    return keys instanceof Set ? keys.size : keys === undefined ? 0 : 1
  }

  add(common: string, key: string): void {
    const keys = this.#keys.get(common)
    if (keys === undefined || keys === key) this.#keys.set(common, key)
    else if (typeof keys === 'string') this.#keys.set(common, new Set([keys, key]))
    else keys.add(key)
  }

  remove(common: string, key: string): void {
    const keys = this.#keys.get(common)
    if (keys === key) this.#keys.delete(common)
    else if (keys instanceof Set) {
      keys.delete(key)
      if (keys.size === 0) this.#keys.delete(common)
    }
  }
}
