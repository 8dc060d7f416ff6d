// What the replicas say about one client.
import type { RejectedClient, ShardRef } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** One replica of the server, as the operator last heard of it. */
export interface ReplicaReport {
  readonly replica: string
  /** False when it has not answered lately: what it had before counts no more. */
  readonly reachable: boolean
  readonly serverConnected: boolean
  readonly live: readonly ShardRef[]
  readonly rejected: readonly RejectedClient[]
}

/** How far the stored version of one client has come. */
export interface Propagation {
  readonly loaded: number
  readonly total: number
  /** Replicas that have answered but are behind. */
  readonly lagging: readonly string[]
  readonly unreachable: readonly string[]
  readonly rejected: readonly { readonly replica: string; readonly field: string; readonly code: string; readonly message: string }[]
  /** Every replica has applied the shard at this seq or later. True as well when there is no replica. */
  readonly applied: boolean
  /** applied, and none rejects the desired version. */
  readonly accepted: boolean
}

/** @param shard where the client is, and the seq that carries what is asked about
 *  @param generation ClientEntry.desired.generation of the stored shard */
export declare function propagationOf(
  client: { readonly namespace: string; readonly name: string },
  shard: { readonly shard: number; readonly epoch: number; readonly seq: bigint },
  replicas: readonly ReplicaReport[],
): Propagation
