// What is known of one client's secret while it is worked on, and what a step says.
import type { Granted } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Log, Secret } from '@nauthera/runtime/log'
import type { Outcome } from '../decide/status/outcome.ts'
import type { PendingSecret, RotationPlan, SecretSource } from '../decide/secret/rotation-terms.ts'
import type { Judgement } from '../decide/access/judge.ts'
import type { ReadSecret } from './read-secret.ts'

/** What is remembered of a client between two looks; nothing of it is needed after a crash. */
export interface Memory {
  readonly uid: string
  /** Of the client when it was last looked at. */
  generation: number
  /** Of the Secret as last read or written; never its data. Undefined: it must be read. */
  read: RememberedSecret | undefined
  /** The uid of which it was restored: it goes on with the Secret of that one, and people stay signed in. */
  restoredFrom: string | undefined
  /** Its Secret, and that of existingSecretRef, at the version at which each was read or written last. */
  readonly seen: { own?: SeenSecret | undefined; source?: SeenSecret | undefined }
  /** Names at which its Secret was written, oldest first; a former one until it is gone from there. */
  readonly names: Set<string>
  /** Since when the Secret is known to have lost its secret; epoch milliseconds. */
  lostSince: number | undefined
  /** The plain secret lives here from its minting to its publication. */
  pending: { readonly secret: PendingSecret; readonly plain: Secret } | undefined
}

export interface SeenSecret {
  readonly name: string
  /** Of versionOf; undefined when there was none. */
  readonly version: string | undefined
}

interface RememberedSecret extends Pick<ReadSecret, 'state' | 'isFormer' | 'isAdopted'> {
  /** It was not read: the client is so new that nobody can have written it. */
  readonly isAssumed?: true
  /** Of what was written, with the id in the place of the secret; undefined when it was only read. */
  readonly fingerprint: string | undefined
}

/** A client whose secret is to be worked on, and what was decided about it. */
export interface SecretWork {
  /** `namespace/name`. */
  readonly key: string
  readonly judgement: Judgement
  /** What it may have at APIs. */
  readonly granted: Granted
  readonly memory: Memory
  /** Nobody has worked on it before, so that it has no Secret of ours. Whether somebody else has one of that name, the create tells. */
  readonly isNew?: boolean
  /** `namespace/name` of another client that has the Secret which this one asks for (shared-names.ts). */
  readonly holder?: string | undefined
  readonly log: Log
}

/** What this look has found out: read once at its beginning, and anew by a step that wrote or found something else there. */
export interface KnownSecret extends SecretWork {
  readonly source: SecretSource
  /** The value of existingSecretRef. */
  readonly given: Secret | undefined
  /** Why there is no such value, as people are told. */
  readonly missing: string | undefined
  /** The application's Secret. */
  readonly read: ReadSecret
  /** False: it is remembered from an earlier look. */
  readonly isFresh: boolean
  /** A call to the API failed: nothing more is written in this look. */
  readonly failure: Error | undefined
}

/** What is known, and what the plan of the rotation makes of it. */
export interface Look extends KnownSecret {
  readonly plan: RotationPlan
}

export type SecretStepOutcome =
  /** Nothing to do here, or it is done and changes nothing for the steps that follow. */
  | { readonly kind: 'passed' }
  /** Something is known now that the plan did not know: plan again, and begin with the first step. */
  | { readonly kind: 'changed'; readonly known: KnownSecret }
  /** All is done that can be done now. */
  | { readonly kind: 'ended'; readonly secret: Outcome['secret'] }

/** Steps never call one another: only work-on-secret.ts decides which one is next. */
export type SecretStep = (look: Look) => Promise<SecretStepOutcome> | SecretStepOutcome

export const passed: SecretStepOutcome = { kind: 'passed' }
