// Counts what happens within a minute, by key, in the memory of one replica. The minute of a key begins with its first one, and ends by
// itself: a flood delays whoever causes it, and locks nobody out.
import { addNewest } from '@nauthera/runtime/add-newest'

const minute = 60_000
/** Keys at a time, so that no number of addresses takes the memory of this process. Without its counter a key begins anew. */
const mostCounted = 10_000

export interface MinuteCounts {
  countOf(key: string): number
  /** Until the minute of this key ends; 0 when it has ended. */
  secondsLeft(key: string): number
  add(key: string): void
}

/** @param now milliseconds, monotonic */
export function createMinuteCounts(now: () => number): MinuteCounts {
  const counted = new Map<string, { readonly since: number; count: number }>()
  const current = (key: string) => {
    const one = counted.get(key)
    return one !== undefined && now() - one.since < minute ? one : undefined
  }
  return {
    countOf: (key) => current(key)?.count ?? 0,
    secondsLeft(key) {
      const one = current(key)
      return one === undefined ? 0 : Math.ceil((one.since + minute - now()) / 1000)
    },
    add(key) {
      const one = current(key)
      if (one === undefined) addNewest(counted, key, { since: now(), count: 1 }, mostCounted)
      else one.count++
    },
  }
}
