import { hash } from 'node:crypto'
import { shardCount } from './names.ts'

/** The shard that holds a client: the last byte of SHA-256 of `namespace/name`, modulo the number of shards.
 *  @param count a power of two, at most 256
 *  @returns 0 to count - 1 */
export function shardOf(namespace: string, name: string, count: number = shardCount): number {
  // this runs about fifty times for each client of a first load; one call with hex takes a quarter of the time
  const lastByte = hash('sha256', `${namespace}/${name}`, 'hex').slice(-2)
  return Number.parseInt(lastByte, 16) & (count - 1)
}
