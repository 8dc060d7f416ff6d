// A map that forgets its oldest entries when there are too many of them, or when they are too large together: a bound on their number alone
// leaves the bytes to whoever makes them.

/** What all entries may be together. */
interface MapBounds {
  readonly entries: number
  /** In the unit of each entry's weight, such as bytes. */
  readonly weight: number
}

export class BoundedMap<V> {
  readonly #most: MapBounds
  readonly #known = new Map<string, { readonly value: V; readonly weight: number }>()
  #weight = 0

  constructor(most: MapBounds) {
    this.#most = most
  }

  get(key: string): V | undefined {
    return this.#known.get(key)?.value
  }

  /** The entry is the newest from now on. One that is heavier than all may be is not kept. */
  set(key: string, value: V, weight: number): void {
    this.delete(key)
    if (weight > this.#most.weight) return
    this.#known.set(key, { value, weight })
    this.#weight += weight
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#most.entries && this.#weight <= this.#most.weight) break
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    this.#weight -= this.#known.get(key)?.weight ?? 0
    this.#known.delete(key)
  }
}
