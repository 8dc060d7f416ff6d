// What a shard must be before anything of it is looked at. Pure.
import { shardCount, shardEpoch } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import type { ClientEntry, Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { LiveShard, Registry, ShardRefValue } from './registry.ts'

const hex64 = /^[0-9a-f]{64}$/
const hex8 = /^[0-9a-f]{8}$/

/** @returns why this cannot be the shard that it says it is; undefined when it can. A foreign or damaged shard must not take
 *  clients away, so one wrong entry refuses the whole. */
export function faultOfShard(ref: ShardRefValue, clients: readonly ClientEntry[]): string | undefined {
  if (ref.epoch < shardEpoch) return `epoch ${ref.epoch} is not known`
  if (ref.shard >= shardCount) return `shard ${ref.shard} is outside 0 to ${shardCount - 1}`
  if (ref.seq === 0n) return 'seq is missing'
  if (!hex64.test(ref.digest)) return 'digest is not a SHA-256'
  const names = new Set<string>()
  for (const client of clients) {
    const key = `${client.namespace}/${client.name}`
    if (client.namespace === '' || client.name === '' || client.uid === '' || client.clientId === '') {
      return `client ${key} lacks its namespace, name, uid or client id`
    }
    if (shardOf(client.namespace, client.name) !== ref.shard) return `client ${key} belongs to another shard`
    if (names.has(key)) return `client ${key} is there twice`
    names.add(key)
    for (const verifier of client.verifiers) {
      if (!hex64.test(verifier.sha256) || !hex8.test(verifier.id) || !verifier.sha256.startsWith(verifier.id)) {
        return `client ${key} has a damaged verifier`
      }
    }
  }
  return undefined
}

/** `same`: exactly what is live. Another content under the same seq is newer: the agent sends it only when the manifest names
 *  exactly that one. */
export function compareRefs(live: LiveShard<unknown> | undefined, ref: ShardRefValue): 'newer' | 'same' | 'stale' {
  if (live === undefined) return 'newer'
  if (ref.epoch !== live.ref.epoch) return ref.epoch > live.ref.epoch ? 'newer' : 'stale'
  if (ref.seq !== live.ref.seq) return ref.seq > live.ref.seq ? 'newer' : 'stale'
  return ref.digest === live.ref.digest ? 'same' : 'newer'
}

/** @returns what is missing of the set that the manifest names; undefined when all of it is live */
export function missingOf(manifest: Manifest, registry: Registry<unknown>): string | undefined {
  if (manifest.shardCount !== shardCount) return `the manifest has ${manifest.shardCount} shards, not ${shardCount}`
  if (manifest.shards.length !== shardCount)
    return `the manifest names ${manifest.shards.length} shards of ${shardCount}`
  const seen = new Set<number>()
  for (const wanted of manifest.shards) {
    if (wanted.shard >= shardCount || seen.has(wanted.shard)) return `the manifest names shard ${wanted.shard} wrongly`
    seen.add(wanted.shard)
    const live = registry.shards.get(wanted.shard)
    if (live === undefined) return `shard ${wanted.shard} has not come yet`
    if (live.ref.epoch < manifest.epoch || live.ref.seq < wanted.seq)
      return `shard ${wanted.shard} is at ${live.ref.seq}, not yet at ${wanted.seq}`
    if (live.ref.seq === wanted.seq && live.ref.digest !== wanted.digest)
      return `shard ${wanted.shard} has another content`
  }
  return undefined
}
