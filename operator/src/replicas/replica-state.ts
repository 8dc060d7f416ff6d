// The state of one server pod, and its transitions. Pure: no I/O, no clock. Times are milliseconds of the
// monotonic clock.
import type { RejectedClient } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { ReplicaReport } from '../decide/status/propagation.ts'
import type { ServerDefaults } from '../decide/status/server-defaults.ts'

/** After this long without a report a replica counts as unreachable. Milliseconds. */
const unreachableAfterMs = 15_000

/** A new pod may take this long to start before clients count as lagging. */
const joiningMs = 60_000

/** What one server pod has live, by its own report. */
export interface Replica extends ReplicaReport {
  readonly rejected: readonly Pick<RejectedClient, 'namespace' | 'name' | 'generation' | 'field' | 'code' | 'message'>[]
  /** Of the pod. */
  readonly uid: string
  /** For how long it has taken no requests; 0 while it takes them: agent and server are connected, and the server had a complete set of
   *  clients. */
  readonly absentMs: number
  /** It has taken none since it is followed. */
  readonly joining: boolean
  /** The defaults of its server; undefined before its report. */
  readonly defaults: ServerDefaults | undefined
  /** What its server knows of platforms; undefined before its report. */
  readonly platform?: { readonly digest: string; readonly bySettings: boolean } | undefined
  /** Whether it reports every use of a secret. */
  readonly tellsUses: boolean
}

/** The fields of a report that the operator reads. */
type Said = Pick<Replica, 'serverConnected' | 'live' | 'rejected'> &
  Partial<Pick<Replica, 'platform'>> &
  Pick<StatusUpdate, 'manifestDigest'> &
  Partial<Pick<StatusUpdate, 'usesCover'>> & { readonly defaults?: ServerDefaults | undefined }

export interface ReplicaState {
  /** The last report on the open stream; undefined without a stream. */
  readonly said: Said | undefined
  /** When agent and server were last connected; at first, when the pod was found. */
  readonly presentAt: number
  /** When it last took requests; at first, when the pod was found. */
  readonly servedAt: number
  readonly joining: boolean
  /** Stays after the stream ends: a pod's settings do not change. */
  readonly defaults: ServerDefaults | undefined
}

/** The pod was found. */
export const onReplicaFound = (now: number): ReplicaState => ({
  said: undefined,
  presentAt: now,
  servedAt: now,
  joining: true,
  defaults: undefined,
})

/** Its agent reported. */
export function onReplicaSaid(state: ReplicaState, said: Said, now: number): ReplicaState {
  return {
    said,
    // The server was connected until now.
    presentAt: isPresent({ said }) || isPresent(state) ? now : state.presentAt,
    servedAt: isServing({ said }) || isServing(state) ? now : state.servedAt,
    joining: state.joining && !isServing({ said }),
    defaults: said.defaults ?? state.defaults,
  }
}

/** The stream to its agent ended. Its report no longer counts. */
export function onReplicaLost(state: ReplicaState, now: number): ReplicaState {
  return {
    ...state,
    said: undefined,
    presentAt: isPresent(state) ? now : state.presentAt,
    servedAt: isServing(state) ? now : state.servedAt,
  }
}

/** @returns whether agent or server were away long enough to be reported */
export const isUnreachable = (state: ReplicaState, now: number): boolean =>
  !isPresent(state) && now - state.presentAt >= unreachableAfterMs

/** @returns the replica, from its pod and state */
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

/** @returns whether a replica that takes no requests may still be starting or loading */
export const isExcused = ({ absentMs, joining }: Replica): boolean =>
  absentMs < (joining ? joiningMs : unreachableAfterMs)

const isPresent = ({ said }: Pick<ReplicaState, 'said'>): boolean => said?.serverConnected === true

/** A server with a complete set is ready and reports its manifest. */
const isServing = ({ said }: Pick<ReplicaState, 'said'>): boolean =>
  said?.serverConnected === true && said.manifestDigest !== ''
