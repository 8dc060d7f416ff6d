// What replicas told of a client: its codes, refused requests, sector and listed secrets.
import type { RefusalDetail } from '@nauthera/rules/refusal-details'
import type { RefusalCode, RefusedBy } from '@nauthera/rules/refusals'

/** What is known of secrets that a client lists, or listed. Times are epoch milliseconds. */
export interface ListedReport {
  /** Ids of those that every replica takes. */
  readonly accepted: ReadonlySet<string>
  /** Last uses by id. */
  readonly lastUsed: Readonly<Record<string, number>>
  /** Since when every use is known; undefined while a replica does not tell. */
  readonly usesKnownSince: number | undefined
}

/** Whether the document of a sector lists a client. */
export interface SectorProof {
  /** Of the version that was looked at. */
  readonly generation: number
  /** What is wrong; empty when nothing is. */
  readonly fault: string
}

/** When a client redeemed a code of each kind, and showed its secret in each way, last: epoch milliseconds, to within an hour; 0 for never. */
export interface CodeUse {
  /** With PKCE or a nonce. */
  readonly protectedAt: number
  /** With neither. */
  readonly unprotectedAt: number
  /** No scope that its request asked for was left out. */
  readonly wholeAt: number
  /** Its secret was in the header or in the body. */
  readonly secretOnceAt: number
  /** Its secret was in both. */
  readonly secretTwiceAt: number
  /** By scope about a person: this one was left out. */
  readonly leftOut: ReadonlyMap<string, number>
}

/** What all replicas together said of one code. */
export interface KnownRefusal {
  readonly code: RefusalCode
  readonly by: RefusedBy
  readonly details: readonly RefusalDetail[]
  readonly count: number
  /** Epoch milliseconds. */
  readonly lastSeen: number
}

/** What the status may say now. It stays the same until it is the client's turn again. */
export interface PublishedRefusals {
  readonly known: readonly KnownRefusal[]
  /** Of the codes that a proven client met: an Event may tell of these. */
  readonly announced: readonly RefusalCode[]
  /** All statuses together have too much of it: this one has room for few codes, and a detail of each. */
  readonly isCramped?: boolean
}
