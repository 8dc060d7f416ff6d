import { tenantOf } from '@nauthera/rules/tenants'
import { splitKey } from '../kubernetes/objects.ts'

/** A queue of keys, each once. Namespaces take turns, and a joined cluster is one of them; within it, its own namespaces do. Within a
 *  tenant, it is first in, first out. Each step takes constant time. */
export class FairKeys {
  /** By namespace of the object, then of the tenant. Whose turn is next comes first. None is empty. */
  readonly #waiting = new Map<string, Map<string, Set<string>>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(key: string): void {
    const at = splitKey(key)
    const ofTenants = mapIn(this.#waiting, at.namespace, () => new Map<string, Set<string>>())
    const own = mapIn(ofTenants, tenantOf(at).namespace, () => new Set<string>())
    if (own.has(key)) return
    own.add(key)
    this.#size++
  }

  /** @returns the next key, which waits no longer; undefined when none waits */
  next(): string | undefined {
    for (const [namespace, ofTenants] of this.#waiting) {
      for (const [tenant, own] of ofTenants) {
        for (const key of own) {
          own.delete(key)
          this.#size--
          putLast(ofTenants, tenant, own)
          putLast(this.#waiting, namespace, ofTenants)
          return key
        }
      }
    }
    return undefined
  }
}

function mapIn<V>(values: Map<string, V>, name: string, create: () => V): V {
  const known = values.get(name) ?? create()
  if (!values.has(name)) values.set(name, known)
  return known
}

/** Its next turn comes after those of all others. */
function putLast<V extends { readonly size: number }>(values: Map<string, V>, name: string, value: V): void {
  values.delete(name)
  if (value.size > 0) values.set(name, value)
}
