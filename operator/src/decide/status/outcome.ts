// All that one look at a client has found out: what its status and its events are made of.
import type { Fault } from '@nauthera/runtime/coded-error'
import type { Activity } from './activity.ts'
import type { ApiAccess } from '../access/resolve-access.ts'
import type { Judgement } from '../access/judge.ts'
import type { PlatformStanding } from './platform-keys.ts'
import type { Propagation } from './propagation.ts'
import type { ServerDefaults } from './server-defaults.ts'
import type { RotationInput, RotationPlan } from '../secret/rotation-terms.ts'

export interface Outcome {
  /** `<namespace>/<release>`. */
  readonly servedBy: string
  readonly issuer: string
  /** Of this generation; its client has the status that was applied last. */
  readonly judgement: Judgement
  /** What becomes of each of its audiences, sorted by identifier. */
  readonly access: readonly ApiAccess[]
  readonly secret: SecretOutcome
  /** Where its Secret still lies after spec.secret.name has changed: the status is all that remembers it. */
  readonly formerName: string | undefined
  /** The uid of which it was restored. */
  readonly restoredFrom?: string | undefined
  readonly rotation: RotationPlan | undefined
  /** What planRotation was given, for the effective interval and overlap. */
  readonly rotationSettings: RotationInput['rotation'] | undefined
  /** Of the shard that carries this generation; undefined while that is not written. */
  readonly propagation: Propagation | undefined
  /** How many replicas serve the client, in whichever version; undefined while what is stored of it is about to change. */
  readonly served: { readonly loaded: number; readonly total: number } | undefined
  /** What its stored entry lets servers do. */
  readonly activity: Activity
  /** What servers give a client that leaves it open; undefined while none has told. */
  readonly defaults: ServerDefaults | undefined
  /** How the servers stand to tokens of its platform; undefined for a client that needs none. */
  readonly platform?: PlatformStanding | undefined
  /** The identity that proved it last, and when (epoch milliseconds). */
  readonly identity?: { readonly identity: string; readonly at: number } | undefined
  /** What a server found in the document of its sector; undefined while none has looked. */
  readonly sector?: SectorProof | undefined
  /** What was seen of its codes; undefined while no replica has told. */
  readonly codes?: CodeUse | undefined
  /** Why there is no room for this version. */
  readonly noRoom: NoRoom | undefined
  /** First 8 hex of the manifest's digest. */
  readonly revision: string | undefined
  /** Epoch milliseconds. */
  readonly now: number
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

/** Whose a Secret is that has the name which a client asks for. */
export type NameHolder =
  | { readonly kind: 'stranger' }
  /** Nauthera itself needs it. */
  | { readonly kind: 'release' }
  /** An earlier OIDCClient of this name had it, as it says. `isProven`: an operator of this release wrote it for that one. */
  | { readonly kind: 'earlier'; readonly isProven: boolean }
  /** `namespace/name` of another client. */
  | { readonly kind: 'client'; readonly key: string }

/** Where there is no room for a client. */
export type NoRoom =
  /** Its shard is full. */
  | 'shard'
  /** What its namespace may hold of that shard is used up. */
  | 'namespace'

export type SecretOutcome =
  /** Its Secret is there and current; a client without a secret has one too. */
  | { readonly kind: 'ready'; readonly name: string }
  /** It will be written once the client is live. */
  | { readonly kind: 'pending'; readonly name: string }
  /** Somebody deleted or edited it: a new one is on its way. */
  | { readonly kind: 'lost'; readonly name: string }
  | { readonly kind: 'waiting-for-secret'; readonly name: string; readonly message: string }
  | { readonly kind: 'name-taken'; readonly name: string; readonly holder: NameHolder }
  | { readonly kind: 'template-invalid'; readonly name: string; readonly faults: readonly Fault[] }
  /** Its namespace is being deleted, so the API server lets nobody create one. */
  | { readonly kind: 'namespace-ending'; readonly name: string }
  /** The API server did not say whether it is there. */
  | { readonly kind: 'unreadable'; readonly name: string; readonly message: string }
