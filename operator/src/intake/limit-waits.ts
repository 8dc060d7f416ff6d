import { byAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'
import { tenantOf, tenantText } from '@nauthera/rules/tenants'
import type { FullLimit } from '../decide/access/judgement.ts'
import { splitKey } from '../kubernetes/objects.ts'

/** A client that waits, or does not when no limit is full. */
interface Waiter {
  readonly age: Age
  readonly full: readonly FullLimit[]
}

/** Clients over a limit of their tenant, or of their joined cluster. When a place there becomes free, the oldest that waits for it gets a
 *  look; when that one does not wait any longer, the next one does. */
export class LimitWaits {
  readonly #waiters = new Map<string, Waiter>()
  /** Keys by tenant or namespace, and limit. */
  readonly #waiting = new Map<string, Map<number, Set<string>>>()
  readonly #placed = new Set<string>()

  /** @param waiter.full the limits that have no place for the client
   *  @returns those to look at: they come after it where it does not wait any longer */
  record(key: string, waiter: Waiter): readonly string[] {
    const left = this.#leave(key, waiter.full)
    if (waiter.full.length > 0) this.#wait(key, waiter)
    return this.#oldestOf(left)
  }

  /** Whether it counted when that was recorded last. */
  hasPlace(key: string): boolean {
    return this.#placed.has(key)
  }

  /** Records whether a client counts under the limits. @returns those to look at, since its place is free */
  recordPlace(key: string, hasPlace: boolean): readonly string[] {
    const isFree = !hasPlace && this.#placed.delete(key)
    if (hasPlace) this.#placed.add(key)
    return isFree ? this.#oldestOf(this.#limitsOf(key)) : []
  }

  /** A client was removed. @returns those to look at */
  remove(key: string): readonly string[] {
    this.#leave(key, [])
    this.#placed.delete(key)
    return this.#oldestOf(this.#limitsOf(key))
  }

  #wait(key: string, { age, full }: Waiter): void {
    this.#waiters.set(key, { age, full })
    for (const { group, limit } of full) {
      const byLimit = this.#waiting.get(group) ?? new Map<number, Set<string>>()
      this.#waiting.set(group, byLimit.set(limit, (byLimit.get(limit) ?? new Set()).add(key)))
    }
  }

  /** @returns the limits that it waited for, and does not any longer */
  #leave(key: string, full: readonly FullLimit[]): readonly FullLimit[] {
    const before = this.#waiters.get(key)?.full ?? []
    this.#waiters.delete(key)
    return before.filter(({ group, limit }) => {
      const byLimit = this.#waiting.get(group)
      const keys = byLimit?.get(limit)
      keys?.delete(key)
      if (keys?.size === 0) byLimit?.delete(limit)
      if (byLimit?.size === 0) this.#waiting.delete(group)
      return !full.some((one) => one.group === group && one.limit === limit)
    })
  }

  /** @returns those that clients wait for where this one counts */
  #limitsOf(key: string): readonly FullLimit[] {
    return [...limitGroupsOf(splitKey(key))].flatMap((group) =>
      Array.from(this.#waiting.get(group)?.keys() ?? [], (limit) => ({ group, limit })),
    )
  }

  #oldestOf(limits: readonly FullLimit[]): readonly string[] {
    const oldest = limits.flatMap(({ group, limit }) => {
      const keys = [...(this.#waiting.get(group)?.get(limit) ?? [])]
      return keys.length === 0 ? [] : [keys.reduce((one, other) => (this.#isOlder(other, one) ? other : one))]
    })
    return [...new Set(oldest)]
  }

  #isOlder(one: string, other: string): boolean {
    return byAge(this.#waiters.get(one)!.age, this.#waiters.get(other)!.age) < 0
  }
}

/** Where a client counts under limits: in its tenant, and in its namespace, which is that of the whole cluster for a mirror. */
export const limitGroupsOf = (at: { readonly namespace: string; readonly name: string }): ReadonlySet<string> =>
  new Set([tenantText(tenantOf(at)), at.namespace])
