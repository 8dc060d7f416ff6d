// Types of one look at a client's secret: what is known, and the outcome of a step.
import type { Granted } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Log } from '@nauthera/runtime/log'
import type { Secret } from '@nauthera/runtime/secret'
import type { PendingSecret, RotationPlan, SecretSource } from '../decide/secret/rotation-terms.ts'
import type { SecretOutcome } from '../decide/secret/secret-outcome.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import type { ReadSecret } from './read-secret.ts'
import type { SeenSecret } from './read-source.ts'

/** What stays in memory of a client between two looks. Nothing of it is needed after a crash. */
export interface Memory {
  readonly uid: string
  /** The generation of the client at its last look. */
  generation: number
  /** The Secret as last read or written, without its data. Undefined: it must be read. */
  read: RememberedSecret | undefined
  /** The uid that it was restored from: it keeps the Secret of that object, and people stay signed in. */
  restoredFrom: string | undefined
  /** What is known of the clients of this name that were deleted. */
  readonly before: EndedClients
  /** The versions of its Secret, and of the one of existingSecretRef, when last read or written. */
  readonly seen: { own?: SeenSecret | undefined; source?: SeenSecret | undefined }
  /** Names under which its Secret was written, oldest first; a former name until it is removed. */
  readonly names: Set<string>
  /** Since when the Secret is known to have lost its secret; epoch milliseconds. */
  lostSince: number | undefined
  /** Since when each secret that has ended may still be accepted by a server, by id; epoch milliseconds. */
  endingSince: ReadonlyMap<string, number>
  /** The plain secret, from its minting to its publication. */
  pending: { readonly secret: PendingSecret; readonly plain: Secret } | undefined
}

/** Clients of one name that were seen to be deleted, before the present one was made. */
export interface EndedClients {
  /** Their uids, and those which they were restored from, newest first. */
  readonly uids: readonly string[]
  /** The uid of the Secret object that the last of them had. */
  readonly secretUid: string | undefined
}

interface RememberedSecret extends Pick<ReadSecret, 'state' | 'isFormer' | 'wasOfEarlier'> {
  /** It was not read: the client is too new to have one. */
  readonly isAssumed?: true
  /** Digest of what was written, with the id in place of the secret; undefined when it was only read. */
  readonly fingerprint: string | undefined
}

/** A client whose secret is worked on, with its judgement. */
export interface SecretWork {
  /** `namespace/name`. */
  readonly key: string
  readonly judgement: Judgement
  /** Its access to APIs. */
  readonly granted: Granted
  readonly memory: Memory
  /** The client has no Secret yet, since this is its first look. If somebody else has one of that name, the create gets a conflict. */
  readonly isNew?: boolean
  /** `namespace/name` of another client that holds the wanted Secret (shared-names.ts). */
  readonly holder?: string | undefined
  readonly log: Log
}

/** What this look knows: read at its beginning, and again by a step that wrote. */
export interface KnownSecret extends SecretWork {
  readonly source: SecretSource
  /** The value of existingSecretRef. */
  readonly given: Secret | undefined
  /** Why there is no such value, for the status. */
  readonly missing: string | undefined
  /** The application's Secret. */
  readonly read: ReadSecret
  /** False: it is remembered from an earlier look. */
  readonly isFresh: boolean
  /** A call to the API failed: nothing more is written in this look. */
  readonly failure: Error | undefined
}

/** What is known, with the plan of the rotation. */
export interface Look extends KnownSecret {
  readonly plan: RotationPlan
}

export type SecretStepOutcome =
  /** Nothing to do, or it is done and does not change the plan. */
  | { readonly kind: 'passed' }
  /** Something new is known: plan again, and start with the first step. */
  | { readonly kind: 'changed'; readonly known: KnownSecret }
  /** The look ends. */
  | { readonly kind: 'ended'; readonly secret: SecretOutcome }

/** A step never calls another one: work-on-secret.ts has the order. */
export type SecretStep = (look: Look) => Promise<SecretStepOutcome> | SecretStepOutcome

export const passed: SecretStepOutcome = { kind: 'passed' }
