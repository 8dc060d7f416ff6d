// Which of two objects came first. It keeps a name, an API, a host, a place under a limit and the room in a shard.

export interface Age {
  /** Epoch milliseconds; Kubernetes counts whole seconds. */
  readonly createdAt: number
  readonly uid: string
}

/** @param metadata of an object; one without a time is the oldest */
export const ageOf = ({
  creationTimestamp,
  uid,
}: {
  readonly creationTimestamp?: string
  readonly uid: string
}): Age => ({
  createdAt: Date.parse(creationTimestamp ?? '') || 0,
  uid,
})

/** For sorting, the oldest first. Of one second the uid decides: it never changes, nobody chooses it, and operators, servers and plugin
 *  know it alike. */
export const byAge = (one: Age, other: Age): number =>
  one.createdAt - other.createdAt || (one.uid < other.uid ? -1 : one.uid > other.uid ? 1 : 0)

/** @param ordered the oldest first
 *  @returns how many of them are older */
export function placeByAge(ordered: readonly Age[], one: Age): number {
  let [from, to] = [0, ordered.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (byAge(ordered[middle]!, one) < 0) from = middle + 1
    else to = middle
  }
  return from
}
