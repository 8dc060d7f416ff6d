// Applies the quota of each tenant in a shard: many or large clients only fill their own share.
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { tenantOf, tenantText } from '@nauthera/rules/tenants'
import type { NoRoom } from '../decide/status/outcome.ts'
import { shareBytes, plainBytes } from './entry-size.ts'

/** The wanted change of one client's entry. */
export interface Wish {
  /** `namespace/name`. */
  readonly key: string
  readonly next: ShardEntry
  /** The entry when there is no room; undefined for a new client. */
  readonly held: ShardEntry | undefined
  /** Whether `next` is larger than `held`, so that it needs room. */
  readonly isGrowth: boolean
  /** Bytes of the shard that all clients of its tenant may take together. */
  readonly quota: number
}

/** @param wishes oldest client first: the older ones keep their place
 *  @returns keys of the changes that fit, and of those over the quota of their tenant */
export function applyQuotas(wishes: readonly Wish[]): {
  readonly taken: ReadonlySet<string>
  readonly overQuota: ReadonlyMap<string, NoRoom>
} {
  const taken = new Set<string>()
  const overQuota = new Map<string, NoRoom>()
  for (const own of Map.groupBy(wishes, ({ next }) => tenantText(tenantOf(next))).values()) {
    const fitting = new Set(fittingOf(own))
    for (const { key, isGrowth } of own) {
      if (!isGrowth) continue
      if (fitting.has(key)) taken.add(key)
      else overQuota.set(key, 'namespace')
    }
  }
  return { taken, overQuota }
}

/** @param own all wishes of one tenant. @returns keys of those for which it has room */
function fittingOf(own: readonly Wish[]): readonly string[] {
  const keys = own.map(({ key }) => key)
  // plain bytes are an upper bound, and most namespaces have few clients in one shard
  if (own.reduce((sum, { next }) => sum + plainBytes(next), 0) <= least(own)) return keys
  let held = own.reduce((sum, wish) => sum + (wish.held ? shareBytes(wish.held) : 0), 0)
  return own.flatMap((wish) => {
    const grownBytes = shareBytes(wish.next) - (wish.held ? shareBytes(wish.held) : 0)
    // a change that shrinks the client always fits, also under a lowered limit
    if (grownBytes > 0 && held + grownBytes > wish.quota) return []
    held += grownBytes
    return [wish.key]
  })
}

const least = (own: readonly Wish[]): number => own.reduce((least, { quota }) => Math.min(least, quota), Infinity)
