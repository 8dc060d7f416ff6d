/** What was not yet sent on one stream, of values that are replaced as they change. */
export class Unsent<Value> {
  readonly #sent = new Map<string, Value>()
  readonly #most: number

  /** @param most at a time */
  constructor(most = Infinity) {
    this.#most = most
  }

  /** @returns what was not sent, and records it as sent */
  of(known: ReadonlyMap<string, Value>): Value[] {
    const fresh = [...known].filter(([key, one]) => this.#sent.get(key) !== one).slice(0, this.#most)
    for (const [key, one] of fresh) this.#sent.set(key, one)
    for (const key of this.#sent.keys()) if (!known.has(key)) this.#sent.delete(key)
    return fresh.map(([, one]) => one)
  }
}
