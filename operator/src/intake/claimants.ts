// Who asks for a name, the oldest first.
import { placeByAge } from '@nauthera/rules/age'
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
      list.splice(placeByAge(list, one), 0, one)
      this.#claimants.set(name, list)
    }
  }

  count(name: string): number {
    const found = this.#claimants.get(name)
    return Array.isArray(found) ? found.length : Number(found !== undefined)
  }

  /** Forgets all that ask for a name. */
  clear(name: string): void {
    this.#claimants.delete(name)
  }

  /** @param one as it was added */
  remove(name: string, one: Claimant): void {
    const before = this.#claimants.get(name)
    if (!Array.isArray(before)) {
      if (before?.key === one.key) this.#claimants.delete(name)
      return
    }
    let place = placeByAge(before, one)
    while (place < before.length && before[place]!.key !== one.key) place++
    before.splice(place, 1)
    if (before.length === 1) this.#claimants.set(name, before[0]!)
  }
}
