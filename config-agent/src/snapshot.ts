import type { Manifest, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { decodeLine, parseShardFile } from '@nauthera/proto/shard-file'
import type { AgentErrorCode } from './errors.ts'

/** Names one version of one shard. */
export interface Ref {
  readonly shard: number
  readonly seq: bigint
  /** SHA-256 of the uncompressed file, 64 hex. */
  readonly digest: string
}

/** One shard that was read and is whole. It keeps the name and digest of each client; the rest stays in the compressed file. */
export interface ReadShard {
  readonly ref: Ref
  /** By `namespace/name`, in the order of the file: digestOfLine. */
  readonly clients: ReadonlyMap<string, string>
  /** Four hex of the operator's write. */
  readonly change: string
  /** Epoch milliseconds. */
  readonly renderedAt: number
  /** The bytes as mounted. */
  readonly file: Uint8Array
}

export interface ReadManifest {
  readonly manifest: Manifest
  readonly digest: string
  readonly file: Uint8Array
}

/** Something wrong with a file. `shard` is undefined for the manifest and the mount. */
export interface SnapshotFault {
  readonly shard: number | undefined
  readonly code: AgentErrorCode
  readonly reason: string
}

/** What one pinned directory held at one moment. Neither a missing nor a faulty shard is in `shards`. */
export interface Snapshot {
  readonly shards: ReadonlyMap<number, ReadShard>
  /** The signature of each shard. */
  readonly signatures: ReadonlyMap<number, Uint8Array>
  readonly manifest: ReadManifest | undefined
  readonly faults: readonly SnapshotFault[]
  readonly missing: { readonly shards: readonly number[]; readonly manifest: boolean }
}

/** What the agent pushes to the server: the newest accepted version of each shard. */
export interface HeldShards {
  readonly shards: ReadonlyMap<number, ReadShard>
  readonly manifest: ReadManifest | undefined
}

/** The fault of a file that the operator's key has not signed. */
export const notSigned = 'is not signed by the key that the manifest names'

/** @returns positive when `one` is the newer version, 0 when neither is */
export function compareAge(one: Pick<Ref, 'seq'>, other: Pick<Ref, 'seq'>): number {
  return one.seq === other.seq ? 0 : one.seq > other.seq ? 1 : -1
}

/** @returns `monitoring/grafana` */
export function clientKey(client: { namespace: string; name: string }): string {
  return `${client.namespace}/${client.name}`
}

/** @returns those of its clients that differ from another version of the shard, read anew from the file */
export function readDiffering({ file, clients }: ReadShard, other: ReadShard): ShardEntry[] {
  // Clients are kept in the order of their lines.
  const differs = Array.from(clients, ([key, digest]) => other.clients.get(key) !== digest)
  if (!differs.includes(true)) return []
  return parseShardFile(file)
    .lines.filter((_line, index) => differs[index])
    .map(decodeLine)
}

/** @returns whether the manifest names exactly this version of the shard, with this many clients */
export function agreesWith(manifest: Manifest, shard: Pick<ReadShard, 'ref' | 'clients'>): boolean {
  const named = manifest.shards.find((entry) => entry.shard === shard.ref.shard)
  return (
    named !== undefined &&
    named.seq === shard.ref.seq &&
    named.digest === shard.ref.digest &&
    named.count === shard.clients.size
  )
}

/** @returns how many clients are held */
export function countClients(held: HeldShards): number {
  return [...held.shards.values()].reduce((total, shard) => total + shard.clients.size, 0)
}
