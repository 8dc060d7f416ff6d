// What the stand-in knows.
import type { Faults } from './http/faults.ts'
import type { ApiRequest } from './http/request.ts'
import type { RbacUsers } from './http/users.ts'
import type { ServiceAccountKeys } from './service-accounts.ts'
import type { Kinds } from './store/kinds.ts'
import type { Resource } from './store/resources.ts'
import type { ObjectStore } from './store/store.ts'

export interface RecordedRequest extends ApiRequest {
  readonly user: string
  /** Status of the answer; undefined while it is open, and for ever when a fault kept it back. */
  code?: number
}

/** What a container wrote, for `kubectl logs`. */
export type ContainerLogs = (query: {
  namespace: string
  pod: string
  container: string | undefined
  follow: boolean
  tailLines: number | undefined
  signal: AbortSignal
}) => AsyncIterable<string> | undefined

/** A watch that is open now; tests break it in the ways in which networks and servers do. */
export interface OpenWatch {
  readonly resource: Resource
  readonly namespace?: string
  readonly user: string
  /** The connection is reset. */
  reset(): void
  /** The stream ends as it does after timeoutSeconds. */
  end(): void
  /** Stays open but sends nothing any more, not even bookmarks. */
  mute(): void
  /** Ends with the event ERROR 410. */
  expire(): void
}

/** What one running API knows; every request gets it. */
export interface ApiState {
  readonly store: ObjectStore
  readonly kinds: Kinds
  readonly users: RbacUsers
  readonly faults: Faults
  /** What signs the tokens of ServiceAccounts. */
  readonly accountKeys: ServiceAccountKeys
  /** Every request since the start, oldest first. */
  readonly requests: RecordedRequest[]
  readonly watches: Set<OpenWatch>
  readonly bookmarkMs: number
  readonly logs: ContainerLogs | undefined
  readonly now: (() => number) | undefined
  readonly onRequest: ((request: RecordedRequest) => void) | undefined
}
