// Types of the rotation: its input and its plan, with small functions on them.
import { present } from '../client/present.ts'

/** A live secret as the operator knows it: never the secret. Times are epoch milliseconds. */
export interface StoredVerifier {
  /** First 8 hex of sha256. */
  readonly id: string
  readonly sha256: string
  readonly notAfter?: number
}

/** The requests for a rotation that are done. An annotation of the application's Secret stores them, so that publication and record are
 *  one write. */
export interface Observed {
  readonly trigger?: string
  readonly annotation?: string
  readonly revoke?: string
}

/** The application's Secret, as last read. */
export type SecretState =
  /** The read failed, but not with 404: nothing is known, so nothing changes. */
  | { readonly kind: 'unknown' }
  /** A confirmed 404. */
  | { readonly kind: 'absent' }
  /** It belongs to somebody else and is never written. */
  | { readonly kind: 'foreign' }
  | {
      readonly kind: 'owned'
      /** SHA-256 of the client_secret that it holds; undefined when it holds none. */
      readonly sha256: string | undefined
      /** It has the form of a minted secret. */
      readonly isMinted: boolean
      /** From annotation secret-id. */
      readonly secretId: string | undefined
      /** From annotation rotated-at; epoch milliseconds. */
      readonly rotatedAt: number | undefined
      /** From annotation verifiers; empty when absent or damaged. */
      readonly verifiers: readonly StoredVerifier[]
      readonly observed: Observed | undefined
      /** From annotation fence: ids of verifiers that a leader has dropped or is about to drop, newest first, with commas. */
      readonly fence: string | undefined
      /** Restored from a backup: what servers know beside its value is of the time in between. */
      readonly isRestored?: true
    }

/** Where the secret comes from. */
export type SecretSource =
  | { readonly kind: 'minted' }
  /** The client authenticates without a secret. */
  | { readonly kind: 'none' }
  /** The same, but its last secret stays valid for the overlap, while its programs change. `isTaken`: every replica serves the version
   *  without a secret. */
  | { readonly kind: 'leaving'; readonly isTaken: boolean }
  /** secret.verifiers: its owner keeps the secrets, and the operator knows their verifiers alone. */
  | {
      readonly kind: 'listed'
      /** Only its owner says when one ends: a cluster does when its application has the newer one. */
      readonly endsAsListed: boolean
      /** In any order. */
      readonly verifiers: readonly StoredVerifier[]
      /** False: the version that lists them is refused, so nothing changes. */
      readonly admits: boolean
      /** Of those that were listed before, by id: when each was first seen, epoch milliseconds. */
      readonly firstSeen: Readonly<Record<string, number>>
      /** Before the list the operator minted secrets, which may still be valid. */
      readonly hasMinted: boolean
      /** Ids of listed secrets that have ended: none returns. */
      readonly ended: readonly string[]
      /** Ids of those that end now, whatever the list says, also while the version is refused. */
      readonly stopped: readonly string[]
    }
  /** secret.existingSecretRef; `secret` is undefined while it is missing, unlabelled or too short. */
  | { readonly kind: 'existing'; readonly secret: { readonly id: string; readonly sha256: string } | undefined }

/** @returns whether the application's Secret holds no secret */
export const hasNoSecret = ({ kind }: SecretSource): boolean => kind === 'none' || kind === 'leaving'

/** @returns whether the Secret keeps a secret that the client will not need: the earlier version is served, and its programs read it there */
export const isLeftToPrograms = (source: SecretSource, verifiers: readonly StoredVerifier[]): boolean =>
  source.kind === 'leaving' && !source.isTaken && verifiers.length > 0

export interface RotationInput {
  readonly source: SecretSource
  readonly rotation: {
    readonly intervalMs?: number
    readonly window?: { readonly schedule: string; readonly timeZone?: string; readonly durationMs: number }
    readonly overlapMs?: number
    readonly retire: 'AfterOverlap' | 'WhenUnused'
    readonly trigger?: string
    readonly revokePrevious?: string
    /** Value of the annotation auth.nauthera.io/rotate on the OIDCClient. */
    readonly annotation?: string
    readonly maxOverlapMs: number
    readonly quietPeriodMs: number
  }
  /** False while its shard has no entry of the client: then it does not rotate. */
  readonly serving: boolean
  readonly secret: SecretState
  /** Verifiers of the client's entry in the stored shard, newest first; undefined when it has no entry. */
  readonly verifiers: readonly StoredVerifier[] | undefined
  /** The secret whose plain value this process holds unpublished. */
  readonly pending: PendingSecret | undefined
  /** Ids of secrets that ended and can never return, beside those that other input excludes. */
  readonly endedIds?: readonly string[]
  readonly replicas: {
    readonly total: number
    /** Every replica applied the stored shard, and serves the client (none rejects it without an accepted version). */
    readonly serving: boolean
    readonly unreachable: number
    /** Until then a terminating pod may answer with its old verifiers. Epoch milliseconds. */
    readonly goingUntil: number | undefined
  }
  readonly usage: {
    /** Since when every use at any replica is known, epoch milliseconds. Undefined while a replica does not report. An unknown use counts
     *  as a use. */
    readonly knownSince: number | undefined
    /** Last reported use by id, epoch milliseconds. */
    readonly lastUsed: Readonly<Record<string, number>>
  }
  /** From status.secret; a fallback when the Secret is gone. */
  readonly status: {
    readonly activeId?: string
    readonly lastRotated?: number
    readonly observed: Observed
    /** Ids of those that the client listed: each may be in use. */
    readonly listed?: readonly string[]
  }
  /** When its turn comes, if a rotation by schedule has to wait for one (policy rotation.minSpacing); epoch milliseconds. */
  readonly notBefore?: number
  /** Since when the application's Secret is known to have lost the published secret; epoch milliseconds. */
  readonly lostSince?: number
  /** Epoch milliseconds. */
  readonly now: number
}

export interface PendingSecret {
  readonly id: string
  readonly sha256: string
  readonly mintedAt: number
  /** The requests that were open when it was minted. Its publication also fulfils later requests: nobody has seen the secret yet. */
  readonly obeys: Observed
}

/** `first`: nothing is published, or it is lost. There is no state `published`: it is the write itself. */
export type RotationState = 'none' | 'leaving' | 'listed' | 'first' | 'only-old' | 'minted' | 'propagated' | 'overlap'

export type RotationStep =
  /** Nothing to do until `wakeAt` or an event. */
  | { readonly kind: 'rest' }
  /** Mint a secret, keep it in memory as pending with `obeys`, minted at `at` (epoch milliseconds, later than any publication), and plan
   *  again. `dueAt`: only the schedule asks for it, since then, so it takes a turn; epoch milliseconds. */
  | { readonly kind: 'mint'; readonly obeys: Observed; readonly at: number; readonly dueAt?: number }
  /** Write the shard with `verifiers`, and plan again with what was stored. */
  | { readonly kind: 'write-shard' }
  /** Wait for replicas; plan again when one reports, or at `wakeAt`. */
  | { readonly kind: 'await-replicas'; readonly since: number }
  /** Write the application's Secret with the pending secret and `secret`, conditional on what was read (create when absent). */
  | { readonly kind: 'publish' }
  /** Write `secret` (its fence annotation changes), conditional on what was read, and plan again. */
  | { readonly kind: 'fence' }
  /** Cannot go on. */
  | {
      readonly kind: 'blocked'
      readonly why: 'foreign' | 'unknown' | 'waiting-for-secret' | 'no-room' | 'not-serving'
    }

/** What the application's Secret says in its annotations. */
export interface SecretMarks {
  readonly secretId: string
  readonly rotatedAt: number
  readonly verifiers: readonly StoredVerifier[]
  readonly observed: Observed
  readonly fence?: string
}

/** What is decided of listed secrets, for the status. */
interface ListedPlan {
  /** Those that are valid, the newest first. `firstSeen` is epoch milliseconds. */
  readonly verifiers: readonly (StoredVerifier & { readonly firstSeen: number })[]
  /** Ids of those that have just ended. */
  readonly ended: readonly string[]
  /** Whether `verifiers` of the plan are those of this generation. */
  readonly isTaken: boolean
  /** Ids that are listed again after their end. */
  readonly returning: readonly string[]
  /** The newest of the list is one of these. */
  readonly lacksNewest: boolean
  /** Those that end earlier than listed, because policies want it. */
  readonly cut: readonly StoredVerifier[]
}

export interface RotationPlan {
  readonly state: RotationState
  /** The verifiers for the shard, newest first: at most two, or three after the Secret was lost within an overlap. */
  readonly verifiers: readonly StoredVerifier[]
  readonly step: RotationStep
  /** Ids of the secrets that programs have by now: the client is Ready once every replica takes these. */
  readonly needed: readonly string[]
  /** Of a client that lists its secrets. */
  readonly listed?: ListedPlan
  /** The marks of the Secret after this step: of the pending secret when the step is `publish`, else of the present one. Undefined:
   *  nothing to write yet, or the client has no secret. */
  readonly secret: SecretMarks | undefined
  /** False: drop the pending secret, which nobody else ever had. */
  readonly keepsPending: boolean
  /** The application's Secret held a minted secret and no longer does. */
  readonly isLost: boolean
  /** A previous secret stays valid only because it is used. */
  readonly awaitsDisuse: boolean
  /** Plan again at this time at the latest; epoch milliseconds. */
  readonly wakeAt: number | undefined
  readonly health:
    /** `waits`: a rotation that is asked for, and what it waits for. */
    | { readonly ok: true; readonly waits?: string }
    | {
        readonly ok: false
        readonly reason: 'Overdue' | 'WindowMissed' | 'ReplicasLagging' | 'PreviousSecretStillUsed'
        readonly message: string
      }
  /** For status.secret. */
  readonly report: {
    readonly activeId?: string
    readonly lastRotated?: number
    readonly nextRotation?: number
    /** By id, epoch milliseconds. */
    readonly lastUsed: RotationInput['usage']['lastUsed']
    readonly observed: Observed
    readonly previous: readonly { readonly id: string; readonly expiresAt?: number }[]
  }
}

const defaultOverlapMs = 24 * 3_600_000

/** @returns the overlap in effect, milliseconds: what the client says, else 24 h or half the interval. */
export function overlapOf({ rotation }: Pick<RotationInput, 'rotation'>): number {
  const wanted = rotation.overlapMs ?? Math.min(defaultOverlapMs, (rotation.intervalMs ?? Infinity) / 2)
  return Math.min(wanted, rotation.maxOverlapMs)
}

export function observedOf({ secret, status }: Pick<RotationInput, 'secret' | 'status'>): Observed {
  return (secret.kind === 'owned' ? secret.observed : undefined) ?? status.observed
}

/** The inputs that decide whether previous secrets are revoked. */
export interface Revocation extends Pick<RotationInput, 'secret' | 'status'> {
  readonly rotation: Pick<RotationInput['rotation'], 'revokePrevious'>
}

export const asksRevoke = (input: Revocation): boolean =>
  input.rotation.revokePrevious !== undefined && input.rotation.revokePrevious !== observedOf(input).revoke

/** @returns whether programs were given this secret, as far as the status knows */
export const wasGiven = ({ activeId, listed = [] }: RotationInput['status'], id: string): boolean =>
  activeId === id || listed.includes(id)

/** The requests that a secret minted now fulfils. revokePrevious is fulfilled by the publication. */
export const nonces = ({ rotation }: RotationInput): Observed => ({
  ...present({ trigger: rotation.trigger, annotation: rotation.annotation }),
})

/** The tolerated clock skew of a former leader. Milliseconds. */
export const toleratedSkewMs = 3_600_000

/** When the published secret was published, epoch milliseconds. A time beyond the clock skew in the future is an edit and counts as now. */
export function lastRotatedOf({ secret, status, now }: RotationInput): number | undefined {
  const read = (secret.kind === 'owned' ? secret.rotatedAt : undefined) ?? status.lastRotated
  return read !== undefined && read > now + toleratedSkewMs ? now : read
}

/** The time of a publication now: always later than the last one, so that it never looks like an older copy. */
export function publicationTime(input: RotationInput): number {
  const last = Math.max(lastRotatedOf(input) ?? 0, Math.min(input.status.lastRotated ?? 0, input.now + toleratedSkewMs))
  return Math.max(input.now, last + 1)
}

export const withoutEnd = ({ id, sha256 }: StoredVerifier): StoredVerifier => ({ id, sha256 })

/** @returns whether two lists are the same to a server. */
export function sameVerifiers(left: readonly StoredVerifier[], right: readonly StoredVerifier[]): boolean {
  return (
    left.length === right.length &&
    left.every((one, index) => one.sha256 === right[index]!.sha256 && one.notAfter === right[index]!.notAfter)
  )
}

/** Whether a terminating pod may still answer with its old verifiers. @param goingUntil `RotationInput.replicas` */
export const isStillGoing = (goingUntil: number | undefined, now: number): boolean => now < (goingUntil ?? 0)
