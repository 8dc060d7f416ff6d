import { shardOf } from '@nauthera/proto/shard-of'
import { splitKey } from '../kubernetes/objects.ts'

/** Caches recent keys: one look asks some twenty times. */
const recent = new Map<string, number>()
const mostRecent = 256

/** @returns the shard that holds the client with this key, `namespace/name` */
export function shardOfKey(key: string): number {
  const known = recent.get(key)
  if (known !== undefined) return known
  const { namespace, name } = splitKey(key)
  const shard = shardOf(namespace, name)
  if (recent.size >= mostRecent) recent.clear()
  recent.set(key, shard)
  return shard
}
