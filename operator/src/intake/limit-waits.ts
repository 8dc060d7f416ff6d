import { byAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'
import { tenantOf, tenantText } from '@nauthera/rules/tenants'
import { splitKey } from '../kubernetes/objects.ts'

/** Clients over the limit of their tenant, or of their joined cluster. When another one there is removed, the oldest of them gets a look. */
export class LimitWaits {
  /** By tenant, and by namespace: the age by key. */
  readonly #waiting = new Map<string, Map<string, Age>>()

  /** @param age undefined when the client does not wait */
  record(key: string, age: Age | undefined): void {
    for (const group of groupsOf(key)) {
      const waiting = this.#waiting.get(group)
      if (age !== undefined) this.#waiting.set(group, (waiting ?? new Map<string, Age>()).set(key, age))
      else if (waiting?.delete(key) === true && waiting.size === 0) this.#waiting.delete(group)
    }
  }

  /** A client was removed. @returns the clients that waited longest for its place, which are no longer recorded */
  next(removed: string): readonly string[] {
    const oldest = new Set(Array.from(groupsOf(removed)).flatMap((group) => oldestOf(this.#waiting.get(group))))
    for (const key of oldest) this.record(key, undefined)
    return [...oldest]
  }
}

function groupsOf(key: string): ReadonlySet<string> {
  const at = splitKey(key)
  return new Set([tenantText(tenantOf(at)), at.namespace])
}

function oldestOf(waiting: ReadonlyMap<string, Age> = new Map()): readonly string[] {
  let oldest: readonly [key: string, age: Age] | undefined
  for (const one of waiting) if (oldest === undefined || byAge(one[1], oldest[1]) < 0) oldest = one
  return oldest === undefined ? [] : [oldest[0]]
}
