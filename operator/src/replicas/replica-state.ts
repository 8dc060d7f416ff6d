// What is known of one server pod, and what each event makes of it: values, no I/O, no clock. Times are milliseconds of the
// monotonic clock.
import type { RejectedClient } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { ReplicaReport } from '../decide/propagation.ts'
import type { ServerDefaults } from '../decide/server-defaults.ts'
import type { Schemas } from '../decide/shard-schema.ts'

/** After so long without a word a replica counts as unreachable. Milliseconds. */
const unreachableAfterMs = 15_000

/** A pod that has just come may take so long to start before clients that are live elsewhere count as lagging. */
const joiningMs = 60_000

/** What one server pod has live, as it said itself. */
export interface Replica extends ReplicaReport {
  readonly rejected: readonly Pick<RejectedClient, 'namespace' | 'name' | 'generation' | 'field' | 'code' | 'message'>[]
  /** Of the pod. */
  readonly uid: string
  /** How long agent and server of the pod have not both been there for us; 0 while they are. */
  readonly absentMs: number
  /** They have not been there since we began to ask. */
  readonly joining: boolean
  /** Which forms of shards it reads; undefined until it has said so. */
  readonly schemas: Schemas | undefined
  /** What a client gets there that leaves it open; undefined until its server has said so. */
  readonly defaults: ServerDefaults | undefined
  /** Every use of a secret there has been told to us. */
  readonly tellsUses: boolean
}

/** What its agent says, as far as the operator reads it. */
type Said = Pick<Replica, 'serverConnected' | 'live' | 'rejected'> &
  Pick<StatusUpdate, 'schemaMin' | 'schemaMax'> &
  Partial<Pick<StatusUpdate, 'usesCover'>> & { readonly defaults?: ServerDefaults | undefined }

export interface ReplicaState {
  /** The last word on the stream that is open now; undefined without such a stream. */
  readonly said: Said | undefined
  /** When agent and server were last known to be there; at first, when we began to ask. */
  readonly presentAt: number
  readonly joining: boolean
  /** Stays when the stream is over: a pod does not change its version. */
  readonly schemas: Schemas | undefined
  /** Stays too. */
  readonly defaults: ServerDefaults | undefined
}

/** We begin to ask. */
export const onReplicaFound = (now: number): ReplicaState => ({
  said: undefined,
  presentAt: now,
  joining: true,
  schemas: undefined,
  defaults: undefined,
})

/** Its agent says what is live. */
export function onReplicaSaid(state: ReplicaState, said: Said, now: number): ReplicaState {
  return {
    said,
    // A server that leaves was there until this moment.
    presentAt: said.serverConnected || isPresent(state) ? now : state.presentAt,
    joining: state.joining && !said.serverConnected,
    // An agent from before these fields says 0, and reads the first schema alone.
    schemas: { min: said.schemaMin || 1, max: said.schemaMax || 1 },
    defaults: said.defaults ?? state.defaults,
  }
}

/** The stream to its agent is over. What it said no longer counts. */
export function onReplicaLost(state: ReplicaState, now: number): ReplicaState {
  return { ...state, said: undefined, presentAt: isPresent(state) ? now : state.presentAt }
}

/** @returns whether agent or server have been away for so long that people are told */
export const isUnreachable = (state: ReplicaState, now: number): boolean => absentMs(state, now) >= unreachableAfterMs

/** @returns the replica as the others see it */
export function replicaOf(
  pod: { readonly name: string; readonly uid: string },
  state: ReplicaState,
  now: number,
): Replica {
  return {
    replica: pod.name,
    uid: pod.uid,
    absentMs: absentMs(state, now),
    joining: state.joining,
    reachable: state.said !== undefined || !isUnreachable(state, now),
    serverConnected: isPresent(state),
    live: state.said?.live ?? [],
    rejected: state.said?.rejected ?? [],
    schemas: state.schemas,
    defaults: state.defaults,
    tellsUses: isPresent(state) && state.said?.usesCover !== undefined,
  }
}

/** @returns whether a replica that is away may still be expected back at any moment: a restart, a new pod */
export const isExcused = ({ absentMs, joining }: Replica): boolean =>
  absentMs < (joining ? joiningMs : unreachableAfterMs)

const isPresent = ({ said }: ReplicaState): boolean => said?.serverConnected === true

const absentMs = (state: ReplicaState, now: number): number => (isPresent(state) ? 0 : now - state.presentAt)
