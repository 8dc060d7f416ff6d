import type { Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ErrorCode } from './errors.ts'
import type { PackedClient } from './packed-client.ts'

/** Names one version of one shard. */
export interface Ref {
  readonly epoch: number
  readonly shard: number
  readonly seq: bigint
  /** SHA-256 of the uncompressed file, 64 hex. */
  readonly digest: string
}

/** One shard that was read and found whole. */
export interface ReadShard {
  readonly ref: Ref
  /** By `namespace/name`, in the order of the file. */
  readonly clients: ReadonlyMap<string, HeldClient>
  /** Four hex of the operator's write. */
  readonly change: string
  /** Epoch milliseconds. */
  readonly renderedAt: number
  /** The bytes as mounted. */
  readonly file: Uint8Array
}

/** What a shard says of one client. */
export interface HeldClient {
  /** SHA-256 of its JSON, base64url: a client that stayed as it was is not decoded again. */
  readonly hash: string
  readonly packed: PackedClient
}

export interface ReadManifest {
  readonly manifest: Manifest
  readonly digest: string
  readonly file: Uint8Array
}

/** Something wrong with a file. `shard` is undefined for the manifest and the mount. */
export interface SnapshotFault {
  readonly shard: number | undefined
  readonly code: ErrorCode
  readonly reason: string
}

/** What one pinned directory held at one moment. Neither a missing nor a faulty shard is in `shards`. */
export interface Snapshot {
  readonly shards: ReadonlyMap<number, ReadShard>
  readonly manifest: ReadManifest | undefined
  readonly faults: readonly SnapshotFault[]
  readonly missing: { readonly shards: readonly number[]; readonly manifest: boolean }
}

/** What the agent believes in and gives to the server: the newest good version of each shard. */
export interface Held {
  readonly shards: ReadonlyMap<number, ReadShard>
  readonly manifest: ReadManifest | undefined
}

/** @returns positive when `one` is the newer version, 0 when neither is */
export function compareAge(one: Ref, other: Ref): number {
  if (one.epoch !== other.epoch) return one.epoch - other.epoch
  return one.seq === other.seq ? 0 : one.seq > other.seq ? 1 : -1
}

/** @returns `monitoring/grafana` */
export function clientKey(client: { namespace: string; name: string }): string {
  return `${client.namespace}/${client.name}`
}

/** @returns whether the manifest names exactly this version of the shard, with this many clients */
export function agreesWith(manifest: Manifest, shard: { ref: Ref; clients: ReadonlyMap<string, unknown> }): boolean {
  const named = manifest.shards.find((entry) => entry.shard === shard.ref.shard)
  return (
    named !== undefined &&
    manifest.epoch === shard.ref.epoch &&
    named.seq === shard.ref.seq &&
    named.digest === shard.ref.digest &&
    named.count === shard.clients.size
  )
}
