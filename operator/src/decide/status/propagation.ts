// How far a client's stored version has come at the replicas.
import type { RejectedClient, ShardRef } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'

/** One replica of the server, as the operator last heard of it. */
export interface ReplicaReport {
  readonly replica: string
  /** False when it has not answered lately: its last report no longer counts. */
  readonly reachable: boolean
  readonly serverConnected: boolean
  readonly live: readonly Pick<ShardRef, 'shard' | 'seq'>[]
  readonly rejected: readonly Pick<RejectedClient, 'namespace' | 'name' | 'field' | 'code' | 'message'>[]
}

export interface ReplicaRejection {
  readonly replica: string
  readonly field: string
  readonly code: string
  readonly message: string
}

/** How far the stored version of one client has come. */
export interface Propagation {
  readonly loaded: number
  readonly total: number
  /** Replicas that have answered but are behind. */
  readonly lagging: readonly string[]
  readonly unreachable: readonly string[]
  readonly rejected: readonly ReplicaRejection[]
  /** Every replica has applied the shard at this seq or later. True as well when there is no replica. */
  readonly applied: boolean
  /** There is a replica, every one has applied it, and none rejects the desired version. */
  readonly accepted: boolean
}

/** @param shard where the client is, and the seq that carries what is asked about */
export function propagationOf(
  client: { readonly namespace: string; readonly name: string },
  shard: { readonly shard: number; readonly seq: bigint },
  replicas: readonly ReplicaReport[],
): Propagation {
  const unreachable: string[] = []
  const lagging: string[] = []
  const rejected: ReplicaRejection[] = []
  let loaded = 0
  for (const { replica, reachable, serverConnected, live, rejected: refusals } of replicas) {
    if (!reachable) {
      unreachable.push(replica)
      continue
    }
    const has = live.find((ref) => ref.shard === shard.shard)
    // an agent without its server has nothing live
    if (!serverConnected || !has || has.seq < shard.seq) {
      lagging.push(replica)
      continue
    }
    const refusal = refusals.find(({ namespace, name }) => namespace === client.namespace && name === client.name)
    if (refusal) rejected.push({ replica, field: refusal.field, code: refusal.code, message: refusal.message })
    else loaded++
  }
  const applied = unreachable.length === 0 && lagging.length === 0
  return {
    loaded,
    total: replicas.length,
    lagging,
    unreachable,
    rejected,
    applied,
    // without a replica nothing is accepted: the first one may lack or reject it
    accepted: applied && replicas.length > 0 && rejected.length === 0,
  }
}

/** How a stored version stands at the replicas: every one has accepted it, one refuses it, or it is not known yet. */
export type Standing = 'accepted' | 'rejected' | 'unknown'

export function standingOf(propagation: Propagation | undefined): Standing {
  if (!propagation) return 'unknown'
  if (propagation.rejected.length > 0) return 'rejected'
  return propagation.accepted ? 'accepted' : 'unknown'
}
