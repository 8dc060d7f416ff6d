// Since when the operator knows of every use of a secret: a value and its transitions. Times are epoch milliseconds.

export interface HeardUses {
  /** Before this time there may be unreported uses. */
  readonly since: number
  /** When each replica last reported, by the uid of its pod. */
  readonly toldAt: ReadonlyMap<string, number>
}

/** The operator starts: earlier replicas may have seen uses. */
export const startOfHearing = (now: number): HeardUses => ({ since: now, toldAt: new Map() })

/** A replica reported all uses since its server began to count.
 *  @param told.coverMs for how long its server counts. When it began after the replica's last report, it is a new server, and the last
 *  uses of the former one are unknown */
export function onUsesTold(
  heard: HeardUses,
  replica: string,
  { coverMs, now }: { readonly coverMs: number; readonly now: number },
): HeardUses {
  const begun = now - coverMs
  const isUnbroken = begun <= (heard.toldAt.get(replica) ?? -Infinity)
  return {
    since: isUnbroken ? heard.since : Math.max(heard.since, begun),
    toldAt: new Map([...heard.toldAt, [replica, now]]),
  }
}

/** A pod is no longer followed. Its later uses are not reported. */
export function onReplicaEnded(heard: HeardUses, replica: string, now: number): HeardUses {
  const toldAt = new Map(heard.toldAt)
  toldAt.delete(replica)
  return { since: Math.max(heard.since, now), toldAt }
}
