// Who asks for a name, the oldest first.
import { byAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'

export interface Claimant extends Age {
  /** `namespace/name`. */
  readonly key: string
}

export class Claimants {
  /** Most names have one claimant, and need no list. */
  readonly #claimants = new Map<string, Claimant | Claimant[]>()

  of(name: string): readonly Claimant[] {
    const found = this.#claimants.get(name)
    return found === undefined ? [] : Array.isArray(found) ? found : [found]
  }

  add(name: string, one: Claimant): void {
    const before = this.#claimants.get(name)
    if (before === undefined) this.#claimants.set(name, one)
    else {
      const list = Array.isArray(before) ? before : [before]
      const younger = list.findLastIndex((other) => byAge(other, one) <= 0) + 1
      list.splice(younger, 0, one)
      this.#claimants.set(name, list)
    }
  }

  remove(name: string, key: string): void {
    const left = this.of(name).filter((one) => one.key !== key)
    if (left.length === 0) this.#claimants.delete(name)
    else this.#claimants.set(name, left.length === 1 ? left[0]! : left)
  }
}
