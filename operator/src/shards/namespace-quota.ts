// What each namespace may hold of a shard: whoever writes many or large clients fills their own share, and nobody else's.
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { NoRoom } from '../decide/status/outcome.ts'
import { shareBytes, plainBytes } from './entry-size.ts'

/** What the next shard is to say about one client. */
export interface Wish {
  /** `namespace/name`. */
  readonly key: string
  readonly next: ShardEntry
  /** What it says as long as there is no room for that; undefined: nothing, the client is new. */
  readonly held: ShardEntry | undefined
  /** Whether `next` says more than `held`, so that it needs room. */
  readonly isGrowth: boolean
  /** Bytes of the shard that all clients of its namespace may take together. */
  readonly quota: number
}

/** @param wishes oldest client first: the older ones keep their place
 *  @returns keys of the changes that may be taken in, and those for which their namespace has no room left */
export function applyQuotas(wishes: readonly Wish[]): {
  readonly taken: ReadonlySet<string>
  readonly overQuota: ReadonlyMap<string, NoRoom>
} {
  const taken = new Set<string>()
  const overQuota = new Map<string, NoRoom>()
  for (const own of Map.groupBy(wishes, ({ next }) => next.namespace).values()) {
    const fitting = new Set(fittingOf(own))
    for (const { key, isGrowth } of own) {
      if (!isGrowth) continue
      if (fitting.has(key)) taken.add(key)
      else overQuota.set(key, 'namespace')
    }
  }
  return { taken, overQuota }
}

/** @param own all wishes of one namespace. @returns keys of those for which it has room */
function fittingOf(own: readonly Wish[]): readonly string[] {
  const keys = own.map(({ key }) => key)
  // what is plain is never larger when it is compressed, and most namespaces have few clients of one shard
  if (own.reduce((sum, { next }) => sum + plainBytes(next), 0) <= least(own)) return keys
  let held = own.reduce((sum, wish) => sum + (wish.held ? shareBytes(wish.held) : 0), 0)
  return own.flatMap((wish) => {
    const grownBytes = shareBytes(wish.next) - (wish.held ? shareBytes(wish.held) : 0)
    // a change that makes the client smaller is taken in, also where a policy has lowered the limit
    if (grownBytes > 0 && held + grownBytes > wish.quota) return []
    held += grownBytes
    return [wish.key]
  })
}

const least = (own: readonly Wish[]): number => own.reduce((least, { quota }) => Math.min(least, quota), Infinity)
