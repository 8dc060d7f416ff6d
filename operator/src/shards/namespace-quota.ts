// Applies the quotas in a shard, of each tenant and of each joined cluster as a whole: many or large clients only fill their own share.
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { clusterOf, tenantOf, tenantText } from '@nauthera/rules/tenants'
import type { NoRoom } from '../decide/client/client-size.ts'
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
  /** Bytes of the shard that all clients of its tenant, and of its joined cluster, may take together. */
  readonly quota: Quotas
}

interface Quotas {
  readonly tenant: number
  readonly cluster: number
}

/** @param wishes oldest client first: the older ones keep their place
 *  @returns keys of the changes that fit, and of those over a quota */
export function applyQuotas(wishes: readonly Wish[]): {
  readonly taken: ReadonlySet<string>
  readonly overQuota: ReadonlyMap<string, NoRoom>
} {
  const overQuota = new Map<string, NoRoom>()
  const byTenant = Map.groupBy(wishes, ({ next }) => tenantText(tenantOf(next)))
  for (const own of byTenant.values()) refuse(own, 'tenant', 'namespace', overQuota)
  const byCluster = Map.groupBy(wishes, ({ next }) => clusterOf(next.namespace))
  byCluster.delete(undefined)
  for (const own of byCluster.values()) {
    // what its tenant has no room for takes none of the cluster's
    const left = own.flatMap((wish) => (overQuota.has(wish.key) ? heldOnly(wish) : [wish]))
    refuse(left, 'cluster', 'cluster', overQuota)
  }
  const growing = wishes.filter(({ isGrowth }) => isGrowth)
  return { taken: new Set(growing.flatMap(({ key }) => (overQuota.has(key) ? [] : [key]))), overQuota }
}

function heldOnly(wish: Wish): readonly Wish[] {
  return wish.held ? [{ ...wish, next: wish.held, isGrowth: false }] : []
}

/** @param own all wishes that share a quota. Those without room are added to `overQuota` */
function refuse(own: readonly Wish[], whose: keyof Quotas, why: NoRoom, overQuota: Map<string, NoRoom>): void {
  const fitting = new Set(fittingOf(own, whose))
  for (const { key, isGrowth } of own) if (isGrowth && !fitting.has(key)) overQuota.set(key, why)
}

/** @returns keys of those for which there is room */
function fittingOf(own: readonly Wish[], whose: keyof Quotas): readonly string[] {
  const keys = own.map(({ key }) => key)
  const least = own.reduce((lowest, { quota }) => Math.min(lowest, quota[whose]), Infinity)
  // plain bytes are an upper bound, and most namespaces have few clients in one shard
  if (own.reduce((sum, { next }) => sum + plainBytes(next), 0) <= least) return keys
  let held = own.reduce((sum, wish) => sum + (wish.held ? shareBytes(wish.held) : 0), 0)
  return own.flatMap((wish) => {
    const grownBytes = shareBytes(wish.next) - (wish.held ? shareBytes(wish.held) : 0)
    // a change that shrinks the client always fits, also under a lowered limit
    if (grownBytes > 0 && held + grownBytes > wish.quota[whose]) return []
    held += grownBytes
    return [wish.key]
  })
}
