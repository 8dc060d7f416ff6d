// The outcome of one look at a client: the input of its status and events.
import type { RefusalCode, RefusedBy } from '@nauthera/rules/refusals'
import type { Fault } from '@nauthera/runtime/coded-error'
import type { OIDCClientStatus } from '../../api/client-status.ts'
import type { Activity } from './activity.ts'
import type { ApiAccess } from '../access/resolve-access.ts'
import type { FollowedRedirects } from '../client/follow-routes.ts'
import type { Judgement } from '../access/judge.ts'
import type { PlatformStanding } from './platform-keys.ts'
import type { Propagation } from './propagation.ts'
import type { ServerDefaults } from './server-defaults.ts'
import type { RotationInput, RotationPlan } from '../secret/rotation-terms.ts'

/** What the hub of this cluster says of a client. */
export interface HubReport {
  /** The status of its mirror; undefined before there is one. */
  readonly status: OIDCClientStatus | undefined
  /** The mirror is of this generation, and the hub's status is about it. */
  readonly isPresent: boolean
  /** Why the hub takes no mirror of it. */
  readonly refusal: { readonly reason: string; readonly message: string } | undefined
  /** Why the hub can be neither believed nor told anything now. */
  readonly fault: { readonly reason: string; readonly message: string } | undefined
  /** The client lists its secrets: nothing is minted here. */
  readonly isListed: boolean
}

export interface Outcome {
  /** `<namespace>/<release>`. */
  readonly servedBy: string
  readonly issuer: string
  /** Of this generation; its client has the status that was applied last. */
  readonly judgement: Judgement
  /** Its access to each audience, sorted by identifier. */
  readonly access: readonly ApiAccess[]
  /** The redirect URIs that follow routes; `off` when the operator follows none, undefined when the client does not. */
  readonly redirects?: FollowedRedirects | 'off' | undefined
  readonly secret: SecretOutcome
  /** The former name of its Secret, while one is still there. Only the status stores it. */
  readonly formerName: string | undefined
  /** The uid of which it was restored. */
  readonly restoredFrom?: string | undefined
  readonly rotation: RotationPlan | undefined
  /** What planRotation was given, for the effective interval and overlap. */
  readonly rotationSettings: RotationInput['rotation'] | undefined
  /** What replicas and their reports say of its listed secrets. */
  readonly listed: ListedReport
  /** Of the shard that carries this generation; undefined while that is not written. */
  readonly propagation: Propagation | undefined
  /** How many replicas serve the client, in whichever version; undefined while what is stored of it is about to change. */
  readonly served: { readonly loaded: number; readonly total: number } | undefined
  /** What its stored entry lets servers do. */
  readonly activity: Activity
  /** The servers' defaults; undefined before a server reported them. */
  readonly defaults: ServerDefaults | undefined
  /** Whether the servers can verify tokens of its platform; undefined for a client without one. */
  readonly platform?: PlatformStanding | undefined
  /** The identity that proved it last, and when (epoch milliseconds). */
  readonly identity?: { readonly identity: string; readonly at: number } | undefined
  /** What a server found in the document of its sector; undefined while none has looked. */
  readonly sector?: SectorProof | undefined
  /** What was seen of its codes; undefined while no replica has told. */
  readonly codes?: CodeUse | undefined
  /** What its status may say of refused requests; undefined when it says nothing of them (settings: refusals). */
  readonly refusals?: PublishedRefusals | undefined
  /** In a cluster that has joined another: what that one says. */
  readonly hub?: HubReport | undefined
  /** Why there is no room for this version. */
  readonly noRoom: NoRoom | undefined
  /** First 8 hex of the manifest's digest. */
  readonly revision: string | undefined
  /** Epoch milliseconds. */
  readonly now: number
}

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

/** When a client redeemed a code of each kind last: epoch milliseconds, to within an hour; 0 for never. */
export interface CodeUse {
  /** With PKCE or a nonce. */
  readonly protectedAt: number
  /** With neither. */
  readonly unprotectedAt: number
  /** No scope that its request asked for was left out. */
  readonly wholeAt: number
  /** By scope about a person: this one was left out. */
  readonly leftOut: ReadonlyMap<string, number>
}

/** What all replicas together said of one code. */
export interface KnownRefusal {
  readonly code: RefusalCode
  readonly by: RefusedBy
  /** Empty for none. */
  readonly detail: string
  readonly count: number
  /** Epoch milliseconds. */
  readonly lastSeen: number
}

/** What the status may say now. It stays the same until it is the client's turn again. */
export interface PublishedRefusals {
  readonly known: readonly KnownRefusal[]
  /** Of the codes that a proven client met: an Event may tell of these. */
  readonly announced: readonly RefusalCode[]
}

/** The owner of a Secret whose name the client wants. */
export type NameHolder =
  | { readonly kind: 'stranger' }
  /** It is one of the release's own Secrets. */
  | { readonly kind: 'release' }
  /** It names an earlier OIDCClient of this name. `isProven`: its proof is valid. */
  | { readonly kind: 'earlier'; readonly isProven: boolean }
  /** `namespace/name` of another client. */
  | { readonly kind: 'client'; readonly key: string }

/** What is full. */
export type NoRoom =
  /** Its shard is full. */
  | 'shard'
  /** The quota of its namespace in that shard is used up. */
  | 'namespace'
  /** That of its whole joined cluster is. */
  | 'cluster'

export type SecretOutcome =
  /** Its Secret is there and current; a client without a secret has one too. */
  | { readonly kind: 'ready'; readonly name: string }
  /** It will be written once the client is live. */
  | { readonly kind: 'pending'; readonly name: string }
  /** The client lists its secrets itself, and has no Secret. */
  | { readonly kind: 'listed'; readonly name: undefined }
  /** It is in the joined cluster of the client, where its operator writes it. */
  | { readonly kind: 'elsewhere'; readonly name: undefined }
  /** Somebody deleted or edited it: a new secret will be published. */
  | { readonly kind: 'lost'; readonly name: string }
  | { readonly kind: 'waiting-for-secret'; readonly name: string; readonly message: string }
  | { readonly kind: 'name-taken'; readonly name: string; readonly holder: NameHolder }
  | { readonly kind: 'template-invalid'; readonly name: string; readonly faults: readonly Fault[] }
  /** Its namespace is being deleted, so the API server lets nobody create one. */
  | { readonly kind: 'namespace-ending'; readonly name: string }
  /** The API server did not say whether it is there. */
  | { readonly kind: 'unreadable'; readonly name: string; readonly message: string }
