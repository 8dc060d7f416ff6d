/** Clients that wait for a name of another object. When the stored entry of that object changes, they get a look. */
export class NameWaits {
  readonly #holders = new Map<string, string>()
  readonly #waiting = new Map<string, Set<string>>()

  /** @param holder key of the object that holds the wanted name; undefined when the client waits for none */
  record(key: string, holder: string | undefined): void {
    const before = this.#holders.get(key)
    if (before === holder) return
    const left = before === undefined ? undefined : this.#waiting.get(before)
    left?.delete(key)
    if (left?.size === 0) this.#waiting.delete(before!)
    if (holder === undefined) this.#holders.delete(key)
    else {
      this.#holders.set(key, holder)
      this.#waiting.set(holder, (this.#waiting.get(holder) ?? new Set()).add(key))
    }
  }

  /** @returns those that wait for one of these holders */
  of(holders: readonly string[]): readonly string[] {
    return holders.flatMap((holder) => [...(this.#waiting.get(holder) ?? [])])
  }
}
