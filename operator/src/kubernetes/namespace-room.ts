// The room that a copy of a collection has for the objects of one namespace, or of one tenant. Whoever may create objects there must not be
// able to fill the memory of the operator.
import { ageOf, byAge, placeByAge } from '@nauthera/rules/age'
import type { Age } from '@nauthera/rules/age'
import { keyOf } from './objects.ts'
import type { KubernetesObject } from './objects.ts'

/** Objects that share a room. */
export interface RoomGroup {
  readonly name: string
  /** What they may weigh together. */
  readonly most: number
}

export interface Room<T> {
  /** Applied to each object before anything else is done with it: only what it returns is kept until all are listed. */
  readonly cut?: (object: T) => T
  /** The groups that an object belongs to: it needs room in each. */
  readonly groupsOf: (object: T) => readonly RoomGroup[]
  /** 0: it has room in any case. */
  readonly weigh: (object: T) => number
  /** What is kept of an object that has no room; undefined: nothing. Default: nothing of any. */
  readonly trim?: (object: T) => T | undefined
  /** Told of each object that is gone, also of one that has no room. */
  readonly forget?: (object: T) => void
  /** Whether a full list is wanted before it is due. */
  readonly wantsList?: () => boolean
}

interface Placed extends Age {
  readonly key: string
  readonly weight: number
  readonly groups: readonly RoomGroup[]
}

interface Places {
  /** The oldest first. */
  readonly placed: Placed[]
  readonly most: number
  weight: number
  /** The oldest one without room: whatever is younger has none either, so that the order in which they come decides nothing. */
  cutAt?: Age
}

/** A group that was full has room again once it takes no more than this share of it. */
const freeAgain = 0.75

/** Says which objects have room: of each group the oldest ones. */
export class NamespaceRoom<T extends KubernetesObject> {
  readonly #room: Room<T>
  readonly #groups = new Map<string, Places>()
  readonly #placed = new Map<string, Placed>()
  /** The groups of which objects were left out. */
  readonly #cut = new Map<string, Places>()

  constructor(room: Room<T>) {
    this.#room = room
  }

  /** Places an object, or another version of it. @returns the keys of those that have no room now: itself, or younger ones */
  place(object: T): readonly string[] {
    const key = keyOf(object)
    this.remove(key)
    const weight = this.#room.weigh(object)
    if (weight === 0) return []
    const { creationTimestamp, uid = '' } = object.metadata
    const age = ageOf({ uid, ...(creationTimestamp ? { creationTimestamp } : {}) })
    const one: Placed = { key, weight, groups: this.#room.groupsOf(object), ...age }
    if (one.groups.some(({ name }) => isLeftOut(one, this.#groups.get(name)))) return [key]
    this.#placed.set(key, one)
    for (const places of one.groups.map((group) => this.#placesOf(group))) {
      places.placed.splice(placeByAge(places.placed, one), 0, one)
      places.weight += weight
    }
    return one.groups.flatMap((group) => this.#shrink(group.name))
  }

  remove(key: string): void {
    const one = this.#placed.get(key)
    if (!one) return
    this.#placed.delete(key)
    for (const { name } of one.groups) {
      const places = this.#groups.get(name)!
      places.placed.splice(places.placed.indexOf(one, placeByAge(places.placed, one)), 1)
      places.weight -= one.weight
      if (places.placed.length === 0 && places.cutAt === undefined) this.#groups.delete(name)
    }
  }

  cut(object: T): T {
    return this.#room.cut?.(object) ?? object
  }

  forget(object: T): void {
    this.#room.forget?.(object)
  }

  /** @returns what is kept of an object that has no room */
  trim(object: T): T | undefined {
    return this.#room.trim?.(object)
  }

  /** @returns the groups of which objects were left out */
  cutGroups(): readonly string[] {
    return [...this.#cut.keys()]
  }

  /** Whether objects of the group were left out. */
  isCut(group: string): boolean {
    return this.#cut.has(group)
  }

  /** Whether a full list would find room for objects that were left out, or is wanted for another reason. */
  wantsList(): boolean {
    return this.#room.wantsList?.() === true || this.#isFreeAgain()
  }

  #isFreeAgain(): boolean {
    return [...this.#cut.values()].some(({ weight, most }) => weight <= most * freeAgain)
  }

  #placesOf({ name, most }: RoomGroup): Places {
    const places = this.#groups.get(name) ?? { placed: [], weight: 0, most }
    this.#groups.set(name, places)
    return places
  }

  /** Leaves out the youngest ones of a group until the others have room. */
  #shrink(name: string): readonly string[] {
    const out: string[] = []
    const places = this.#groups.get(name)
    while (places !== undefined && places.weight > places.most) {
      const youngest = places.placed.at(-1)!
      places.cutAt = youngest
      this.#cut.set(name, places)
      this.remove(youngest.key)
      out.push(youngest.key)
    }
    return out
  }
}

const isLeftOut = (one: Age, places: Places | undefined): boolean =>
  places?.cutAt !== undefined && byAge(one, places.cutAt) >= 0
