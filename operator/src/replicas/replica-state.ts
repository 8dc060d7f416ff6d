// What is known of one server pod, and what each event makes of it: values, no I/O, no clock. Times are milliseconds of the
// monotonic clock.
import type { RejectedClient } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { ReplicaReport } from '../decide/status/propagation.ts'
import type { ServerDefaults } from '../decide/status/server-defaults.ts'

/** After so long without a word a replica counts as unreachable. Milliseconds. */
const unreachableAfterMs = 15_000

/** A pod that has just come may take so long to start before clients that are live elsewhere count as lagging. */
const joiningMs = 60_000

/** What one server pod has live, as it said itself. */
export interface Replica extends ReplicaReport {
  readonly rejected: readonly Pick<RejectedClient, 'namespace' | 'name' | 'generation' | 'field' | 'code' | 'message'>[]
  /** Of the pod. */
  readonly uid: string
  /** For how long it has taken no requests, as far as we know; 0 while it takes them. It does when agent and server of the pod are both
   *  there, and the server has had a complete set of clients. */
  readonly absentMs: number
  /** It has taken none since we began to ask. */
  readonly joining: boolean
  /** What a client gets there that leaves it open; undefined until its server has said so. */
  readonly defaults: ServerDefaults | undefined
  /** What its server knows of platforms; undefined until it has said so. */
  readonly platform?: { readonly digest: string; readonly bySettings: boolean } | undefined
  /** Every use of a secret there has been told to us. */
  readonly tellsUses: boolean
}

/** What its agent says, as far as the operator reads it. */
type Said = Pick<Replica, 'serverConnected' | 'live' | 'rejected'> &
  Partial<Pick<Replica, 'platform'>> &
  Pick<StatusUpdate, 'manifestDigest'> &
  Partial<Pick<StatusUpdate, 'usesCover'>> & { readonly defaults?: ServerDefaults | undefined }

export interface ReplicaState {
  /** The last word on the stream that is open now; undefined without such a stream. */
  readonly said: Said | undefined
  /** When agent and server were last known to be there; at first, when we began to ask. */
  readonly presentAt: number
  /** When it was last known to take requests; at first, when we began to ask. */
  readonly servedAt: number
  readonly joining: boolean
  /** Stays when the stream is over: a pod does not change its settings. */
  readonly defaults: ServerDefaults | undefined
}

/** We begin to ask. */
export const onReplicaFound = (now: number): ReplicaState => ({
  said: undefined,
  presentAt: now,
  servedAt: now,
  joining: true,
  defaults: undefined,
})

/** Its agent says what is live. */
export function onReplicaSaid(state: ReplicaState, said: Said, now: number): ReplicaState {
  return {
    said,
    // A server that leaves was there until this moment.
    presentAt: isPresent({ said }) || isPresent(state) ? now : state.presentAt,
    servedAt: isServing({ said }) || isServing(state) ? now : state.servedAt,
    joining: state.joining && !isServing({ said }),
    defaults: said.defaults ?? state.defaults,
  }
}

/** The stream to its agent is over. What it said no longer counts. */
export function onReplicaLost(state: ReplicaState, now: number): ReplicaState {
  return {
    ...state,
    said: undefined,
    presentAt: isPresent(state) ? now : state.presentAt,
    servedAt: isServing(state) ? now : state.servedAt,
  }
}

/** @returns whether agent or server have been away for so long that people are told */
export const isUnreachable = (state: ReplicaState, now: number): boolean =>
  !isPresent(state) && now - state.presentAt >= unreachableAfterMs

/** @returns the replica as the others see it */
export function replicaOf(
  pod: { readonly name: string; readonly uid: string },
  state: ReplicaState,
  now: number,
): Replica {
  return {
    replica: pod.name,
    uid: pod.uid,
    absentMs: isServing(state) ? 0 : now - state.servedAt,
    joining: state.joining,
    reachable: state.said !== undefined || !isUnreachable(state, now),
    serverConnected: isPresent(state),
    live: state.said?.live ?? [],
    rejected: state.said?.rejected ?? [],
    defaults: state.defaults,
    platform: state.said?.platform,
    tellsUses: isPresent(state) && state.said?.usesCover !== undefined,
  }
}

/** @returns whether a replica that takes no requests may be expected to take them at any moment: a restart, a new pod, a set that is being loaded */
export const isExcused = ({ absentMs, joining }: Replica): boolean =>
  absentMs < (joining ? joiningMs : unreachableAfterMs)

const isPresent = ({ said }: Pick<ReplicaState, 'said'>): boolean => said?.serverConnected === true

/** A server turns ready when it has a complete set, and names its manifest from then on. */
const isServing = ({ said }: Pick<ReplicaState, 'said'>): boolean =>
  said?.serverConnected === true && said.manifestDigest !== ''
