/** Of so many that wait for one name all get a look, of more only the best. What the others say of the holder may be wrong until the next
 *  full list, after which all clients are looked at. */
const mostWoken = 20

/** Clients that wait for a name of another object. When the stored entry of that object changes, they get a look. */
export class NameWaits {
  readonly #best: (name: string) => readonly string[]
  readonly #waits = new Map<string, NameWait>()
  /** Keys of those that wait, by holder and name. */
  readonly #waiting = new Map<string, Map<string, Set<string>>>()

  /** @param best keys of the few that come first when a name is free */
  constructor(best: (name: string) => readonly string[]) {
    this.#best = best
  }

  /** @param wait undefined when the client waits for none */
  record(key: string, wait: NameWait | undefined): void {
    const before = this.#waits.get(key)
    if (before?.holder === wait?.holder && before?.name === wait?.name) return
    if (before) this.#leave(key, before)
    if (wait === undefined) this.#waits.delete(key)
    else {
      this.#waits.set(key, wait)
      const byName = this.#waiting.get(wait.holder) ?? new Map<string, Set<string>>()
      this.#waiting.set(wait.holder, byName.set(wait.name, (byName.get(wait.name) ?? new Set()).add(key)))
    }
  }

  /** @returns those that wait for one of these holders */
  of(holders: readonly string[]): readonly string[] {
    return holders.flatMap((holder) =>
      [...(this.#waiting.get(holder) ?? [])].flatMap(([name, keys]) =>
        keys.size > mostWoken ? this.#best(name) : [...keys],
      ),
    )
  }

  #leave(key: string, { holder, name }: NameWait): void {
    const byName = this.#waiting.get(holder)
    const keys = byName?.get(name)
    keys?.delete(key)
    if (keys?.size === 0) byName?.delete(name)
    if (byName?.size === 0) this.#waiting.delete(holder)
  }
}

/** A wanted name, and the key of the object that holds it. */
interface NameWait {
  readonly name: string
  readonly holder: string
}
