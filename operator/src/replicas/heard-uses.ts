// Since when the operator knows of every use of a secret: a value, and what each event makes of it. Times are epoch milliseconds.

export interface HeardUses {
  /** What was used before is known only as far as somebody has told it: it may have been used. */
  readonly since: number
  /** When each replica last told, by the uid of its pod. */
  readonly toldAt: ReadonlyMap<string, number>
}

/** The operator has just begun: replicas may have come and gone before. */
export const startOfHearing = (now: number): HeardUses => ({ since: now, toldAt: new Map() })

/** A replica has told all uses since its server began to count.
 *  @param told.coverMs for how long its server counts. A server that began after the last word of that replica is another one, and what the
 *    one before it saw at the end is not known */
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

/** A pod is not asked any more. What it still sees nobody tells. */
export function onReplicaEnded(heard: HeardUses, replica: string, now: number): HeardUses {
  const toldAt = new Map(heard.toldAt)
  toldAt.delete(replica)
  return { since: Math.max(heard.since, now), toldAt }
}
