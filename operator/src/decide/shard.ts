// Accepted clients and the stored shard -> the next shard, or nothing to write.
import type { ClientConfig, ClientShard, Manifest } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { StoredVerifier } from './rotation.ts'

/** What the shard should say about one client. */
export interface ClientForShard {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly clientId: string
  /** Epoch milliseconds of creation: the older ones keep their place when a shard is full. */
  readonly createdAt: number
  /** RotationPlan.verifiers. */
  readonly verifiers: readonly StoredVerifier[]
  readonly verdict:
    | { readonly kind: 'desired'; readonly config: ClientConfig }
    /** Invalid, or denied within its grace: the last accepted version serves on; without one there is no entry. */
    | { readonly kind: 'carry' }
  /** How the stored entry's `desired` stands at the replicas. */
  readonly standing: 'accepted' | 'rejected' | 'unknown'
}

export interface ShardPlanInput {
  readonly shard: number
  readonly clients: readonly ClientForShard[]
  /** The shard as stored; undefined when it is lost or unreadable. */
  readonly stored: ClientShard | undefined
  readonly seq: { readonly highestSeen: bigint; readonly startSeconds: bigint }
  /** Epoch milliseconds. */
  readonly now: number
  /** Four hex for this write. */
  readonly change: string
}

export type ShardPlan = {
  /** `namespace/name` of clients that do not fit. */
  readonly refused: readonly string[]
  /** Share of the limit that the file takes, 0 to 1; condition and event from 0.8 on. */
  readonly fill: number
} & (
  | { readonly kind: 'keep' }
  | {
      readonly kind: 'write'
      readonly shard: ClientShard
      readonly file: Uint8Array
      readonly digest: string
      /** `namespace/name` of each entry that differs from the stored one, gone ones included. */
      readonly changed: readonly string[]
    }
)

export declare function planShard(input: ShardPlanInput): ShardPlan

export interface WrittenShard {
  readonly shard: number
  readonly seq: bigint
  readonly digest: string
  readonly count: number
}

/** @returns the manifest that names these shards, or undefined when the stored one says the same. */
export declare function planManifest(
  shards: readonly WrittenShard[],
  stored: Manifest | undefined,
): { readonly manifest: Manifest; readonly file: Uint8Array; readonly digest: string } | undefined

/** @returns whether so many clients would vanish that the operator must list a second time first. */
export declare function wouldEmpty(before: number, after: number): boolean
