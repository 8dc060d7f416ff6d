// Which details of refused requests are kept: few of each kind, and of senders that are far from each other, so that nobody pushes out another's.

/** What a refused request had, such as its redirect URI. */
export interface RefusalDetail {
  /** ASCII. */
  readonly text: string
  /** An address whose host the client itself names. */
  readonly isOwn: boolean
  /** Who sent it, as `networkBits` bits of its network and then `hostBits` bits of its address. Many senders have the same, so it names nobody. */
  readonly sender: number
  /** Epoch milliseconds. */
  readonly lastSeen: number
}

export const networkBits = 8
export const hostBits = 16

const networkOf = ({ sender }: RefusalDetail): number => sender >> hostBits
const newerFirst = (one: RefusalDetail, other: RefusalDetail): number => other.lastSeen - one.lastSeen

/** @param places of addresses of the client, and as many of all others
 *  @returns those of the client first, then the newest: the last one of each sender, and of those the ones from the most networks */
export function keepDetails(all: readonly RefusalDetail[], places: number): readonly RefusalDetail[] {
  const kept = [true, false].flatMap((isOwn) => {
    const bySender = new Map<number, RefusalDetail>()
    // of the same moment the later one in the list counts
    for (const one of all.filter((detail) => detail.isOwn === isOwn))
      if (one.lastSeen >= (bySender.get(one.sender)?.lastSeen ?? 0)) bySender.set(one.sender, one)
    let few = [...bySender.values()].toSorted(newerFirst)
    while (few.length > places) few = withoutOldestOfCrowd(few)
    return few
  })
  return kept
}

/** @param all the newest first; @returns all but the oldest of the network that has the most */
function withoutOldestOfCrowd(all: readonly RefusalDetail[]): RefusalDetail[] {
  const ofNetwork = Map.groupBy(all, networkOf)
  const most = Math.max(...[...ofNetwork.values()].map(({ length }) => length))
  const oldest = all.findLast((one) => ofNetwork.get(networkOf(one))!.length === most)
  return all.filter((one) => one !== oldest)
}

/** @returns what people are shown: each text once */
export const textsOf = (details: readonly RefusalDetail[]): readonly string[] => [
  ...new Set(details.map(({ text }) => text)),
]
