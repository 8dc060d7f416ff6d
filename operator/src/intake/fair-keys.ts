import { splitKey } from '../kubernetes/objects.ts'

/** A queue of keys, each once. Namespaces take turns; within one, it is first in, first out. Each step takes constant time. */
export class FairKeys {
  /** Whose turn is next comes first. None is empty. */
  readonly #byNamespace = new Map<string, Set<string>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(key: string): void {
    const { namespace } = splitKey(key)
    const own = this.#byNamespace.get(namespace)
    if (own?.has(key)) return
    if (own) own.add(key)
    else this.#byNamespace.set(namespace, new Set([key]))
    this.#size++
  }

  /** @returns the next key, which waits no longer; undefined when none waits */
  next(): string | undefined {
    for (const [namespace, own] of this.#byNamespace) {
      for (const key of own) {
        own.delete(key)
        this.#size--
        this.#byNamespace.delete(namespace)
        if (own.size > 0) this.#byNamespace.set(namespace, own)
        return key
      }
    }
    return undefined
  }
}
