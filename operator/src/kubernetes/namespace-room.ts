// The room that a copy of a collection has for the objects of one namespace. Whoever may create objects there must not be able to fill the
// memory of the operator.
import { ageOf, byAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'
import { keyOf } from './objects.ts'
import type { KubernetesObject } from './objects.ts'

/** What the objects of one namespace may weigh together. */
export interface Room<T> {
  readonly most: number
  /** 0: it has room in any case. */
  readonly weigh: (object: T) => number
  /** What is kept of an object that has no room; undefined: nothing. Default: nothing of any. */
  readonly trim?: (object: T) => T | undefined
}

interface Placed extends Age {
  readonly key: string
  readonly weight: number
}

interface Places {
  /** The oldest first. */
  readonly placed: Placed[]
  weight: number
  /** The oldest one without room: whatever is younger has none either, so that the order in which they come decides nothing. */
  cutAt?: Age
}

/** Says which objects have room: of each namespace the oldest ones. */
export class NamespaceRoom<T extends KubernetesObject> {
  readonly #room: Room<T>
  readonly #namespaces = new Map<string, Places>()
  readonly #placed = new Map<string, Placed>()

  constructor(room: Room<T>) {
    this.#room = room
  }

  /** Places an object, or another version of it. @returns the keys of those that have no room now: itself, or younger ones */
  place(object: T): readonly string[] {
    const key = keyOf(object)
    this.remove(key)
    const { namespace = '', creationTimestamp, uid = '' } = object.metadata
    const weight = this.#room.weigh(object)
    if (weight === 0) return []
    const one = {
      key,
      weight,
      ...ageOf({ uid, ...(creationTimestamp ? { creationTimestamp } : {}) }),
    }
    const places = this.#namespaces.get(namespace) ?? { placed: [], weight: 0 }
    this.#namespaces.set(namespace, places)
    if (places.cutAt && byAge(one, places.cutAt) >= 0) return [key]
    places.placed.splice(placeOf(places.placed, one), 0, one)
    places.weight += one.weight
    this.#placed.set(key, one)
    const out: string[] = []
    while (places.weight > this.#room.most) {
      const youngest = places.placed.pop()!
      places.weight -= youngest.weight
      places.cutAt = youngest
      this.#placed.delete(youngest.key)
      out.push(youngest.key)
    }
    return out
  }

  remove(key: string): void {
    const one = this.#placed.get(key)
    if (!one) return
    const namespace = key.slice(0, Math.max(0, key.indexOf('/')))
    const places = this.#namespaces.get(namespace)!
    this.#placed.delete(key)
    places.placed.splice(places.placed.indexOf(one, placeOf(places.placed, one)), 1)
    places.weight -= one.weight
    if (places.placed.length === 0 && places.cutAt === undefined) this.#namespaces.delete(namespace)
  }

  /** @returns what is kept of an object that has no room */
  trim(object: T): T | undefined {
    return this.#room.trim?.(object)
  }

  /** @returns the namespaces of which objects were left out */
  cut(): readonly string[] {
    return [...this.#namespaces].flatMap(([namespace, { cutAt }]) => (cutAt ? [namespace] : []))
  }

  /** Whether objects of the namespace were left out. */
  isCut(namespace: string): boolean {
    return this.#namespaces.get(namespace)?.cutAt !== undefined
  }
}

/** @returns how many are older */
function placeOf(placed: readonly Age[], one: Age): number {
  let [from, to] = [0, placed.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (byAge(placed[middle]!, one) < 0) from = middle + 1
    else to = middle
  }
  return from
}
