import { createHash } from 'node:crypto'
import { shardCount } from './names.ts'

/** The shard that holds a client: the last byte of SHA-256 of `namespace/name`, modulo the number of shards.
 *  @param count a power of two, at most 256
 *  @returns 0 to count - 1 */
export function shardOf(namespace: string, name: string, count: number = shardCount): number {
  const hash = createHash('sha256').update(`${namespace}/${name}`).digest()
  return hash.readUInt8(hash.length - 1) & (count - 1)
}
