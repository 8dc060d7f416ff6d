// The outcome of one look at a client: the input of its status and events.
import type { ApiAccess } from '../access/resolve-access.ts'
import type { NoRoom } from '../client/client-size.ts'
import type { FollowedRedirects } from '../client/follow-routes.ts'
import type { Judgement } from '../access/judgement.ts'
import type { CodeUse, ListedReport, PublishedRefusals, SectorProof } from './observations.ts'
import type { PreviousSecret } from './ending-secrets.ts'
import type { HubReport } from './hub-status.ts'
import type { PlatformStanding } from './platform-keys.ts'
import type { Propagation } from './propagation.ts'
import type { ServerDefaults } from './server-defaults.ts'
import type { RotationInput, RotationPlan } from '../secret/rotation-terms.ts'
import type { SecretOutcome } from '../secret/secret-outcome.ts'

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
  /** Secrets that have ended, while a server may still accept them. */
  readonly ending: readonly PreviousSecret[]
  /** Replicas that may still accept one of those. */
  readonly endingAt: readonly string[]
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

/** What the look at its Secret finds. */
export type OutcomeOfSecret = Pick<
  Outcome,
  'secret' | 'formerName' | 'restoredFrom' | 'rotation' | 'rotationSettings' | 'ending' | 'endingAt'
>

/** Whether a client can be used now (activity.ts). */
export interface Activity {
  /** `suspended-before`: the served version is suspended, the spec no longer is. */
  readonly kind: 'active' | 'suspended' | 'suspended-before' | 'not-served'
  /** Replicas that may still have the entry before. */
  readonly behind: readonly string[]
}
