// Who asks for a name, and who of them may have it. The two stand apart: those who may not are no work for those who may.
import { Claimants } from './claimants.ts'
import type { Claimant } from './claimants.ts'

/** Of so few that ask for one name each is asked for its right each time. */
const few = 20

/** Those who decide about a name: who has it, who gets it next, and one in reserve. */
const mostBest = 3

export class RightfulClaimants {
  readonly #mayClaim: (key: string, name: string) => boolean
  readonly #all = new Claimants()
  /** Of a name for which many ask: found when it is first asked for, and then kept. */
  #rightful = new Claimants()
  #isFound = new Set<string>()

  /** @param mayClaim of one that was added; it may change its answer, which `reconsider` is told of */
  constructor(mayClaim: (key: string, name: string) => boolean) {
    this.#mayClaim = mayClaim
  }

  /** @returns all, the oldest first */
  of(name: string): readonly Claimant[] {
    return this.#all.of(name)
  }

  /** @returns the oldest three that may have the name */
  best(name: string): readonly Claimant[] {
    const isRightful = ({ key }: Claimant): boolean => this.#mayClaim(key, name)
    if (this.#all.count(name) <= few) return this.of(name).filter(isRightful).slice(0, mostBest)
    if (!this.#isFound.has(name)) {
      for (const one of this.of(name)) if (isRightful(one)) this.#rightful.add(name, one)
      this.#isFound.add(name)
    }
    return this.#rightful.of(name).slice(0, mostBest)
  }

  add(name: string, one: Claimant): void {
    this.#all.add(name, one)
    if (this.#isFound.has(name) && this.#mayClaim(one.key, name)) this.#rightful.add(name, one)
  }

  remove(name: string, one: Claimant): void {
    this.#all.remove(name, one)
    if (!this.#isFound.has(name)) return
    if (this.#all.count(name) > few) this.#rightful.remove(name, one)
    else {
      this.#isFound.delete(name)
      this.#rightful.clear(name)
    }
  }

  /** The right of one is another, or may be. */
  reconsider(name: string, one: Claimant): void {
    if (!this.#isFound.has(name)) return
    this.#rightful.remove(name, one)
    if (this.#mayClaim(one.key, name)) this.#rightful.add(name, one)
  }

  /** The rights of all may be others. */
  reconsiderAll(): void {
    this.#rightful = new Claimants()
    this.#isFound = new Set()
  }
}
