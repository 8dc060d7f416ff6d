// The words of the rotation: what it is given, what it answers, and small questions about the two.

/** A live secret as the operator knows it: never the secret. Times are epoch milliseconds. */
export interface StoredVerifier {
  /** First 8 hex of sha256. */
  readonly id: string
  readonly sha256: string
  readonly notAfter?: number
}

/** What the operator has obeyed already; kept in an annotation of the application's Secret, so that publication and
 *  observation are one write, and shown in status. */
export interface Observed {
  readonly trigger?: string
  readonly annotation?: string
  readonly revoke?: string
}

/** The application's Secret, as last read. */
export type SecretState =
  /** The read failed, and not with 404: nothing is known, so nothing changes. */
  | { readonly kind: 'unknown' }
  /** A confirmed 404. */
  | { readonly kind: 'absent' }
  /** Somebody else's; never touched. */
  | { readonly kind: 'foreign' }
  | {
      readonly kind: 'owned'
      /** SHA-256 of the client_secret that it holds; undefined when it holds none. */
      readonly sha256: string | undefined
      /** That one has the form of a secret that the operator mints. */
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
    }

/** Where the secret comes from. */
export type SecretSource =
  | { readonly kind: 'minted' }
  /** The client authenticates without a secret. */
  | { readonly kind: 'none' }
  /** The same, but what it had until now stays valid for the overlap: its programs change one after the other. `isTaken`: every replica
   *  serves the version without a secret; until then the one before is served, which needs it. */
  | { readonly kind: 'leaving'; readonly isTaken: boolean }
  /** secret.existingSecretRef; `secret` is undefined while it is missing, unlabelled or too short. */
  | { readonly kind: 'existing'; readonly secret: { readonly id: string; readonly sha256: string } | undefined }

/** @returns whether the application's Secret holds no secret */
export const hasNoSecret = ({ kind }: SecretSource): boolean => kind === 'none' || kind === 'leaving'

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
  /** False while nothing of the client is in its shard (denied past its grace, never valid): no rotation then. */
  readonly serving: boolean
  readonly secret: SecretState
  /** Verifiers of the client's entry in the stored shard, newest first; undefined when it has no entry. */
  readonly verifiers: readonly StoredVerifier[] | undefined
  /** The secret whose plain value this process holds unpublished. */
  readonly pending: PendingSecret | undefined
  readonly replicas: {
    readonly total: number
    /** Every replica applied the stored shard, and serves the client (none rejects it without an accepted version). */
    readonly serving: boolean
    readonly unreachable: number
    /** Until then a pod that is being deleted may answer on open connections, with the verifiers that it had. Epoch milliseconds. */
    readonly goingUntil: number | undefined
  }
  readonly usage: {
    /** Since when every use at any replica has been told, epoch milliseconds. Undefined while a replica is silent. What is not known
     *  counts as used. */
    readonly knownSince: number | undefined
    /** Epoch milliseconds of the last use that was told, by id. */
    readonly lastUsed: Readonly<Record<string, number>>
  }
  /** From status.secret; a fallback when the Secret is gone. */
  readonly status: {
    readonly activeId?: string
    readonly lastRotated?: number
    readonly observed: Observed
  }
  /** A scheduled rotation may not begin before (policy rotation.minSpacing); epoch milliseconds. */
  readonly notBefore?: number
  /** Since when we know that the application's Secret does not hold what was published; epoch milliseconds. */
  readonly lostSince?: number
  /** Epoch milliseconds. */
  readonly now: number
}

export interface PendingSecret {
  readonly id: string
  readonly sha256: string
  readonly mintedAt: number
  /** What had been asked for when it was minted. Its publication obeys whatever is asked for by then: a secret that nobody
   *  has seen yet is as new as one minted for a later trigger. */
  readonly obeys: Observed
}

/** `first`: nothing is published yet, or what was is gone. There is no state `published`: it is the write itself. */
export type RotationState = 'none' | 'leaving' | 'first' | 'only-old' | 'minted' | 'propagated' | 'overlap'

export type RotationStep =
  /** Nothing to do until `wakeAt` or an event. */
  | { readonly kind: 'rest' }
  /** Mint a secret, keep it in memory as pending with `obeys`, minted at `at` (epoch milliseconds, later than any publication), and plan
   *  again. */
  | { readonly kind: 'mint'; readonly obeys: Observed; readonly at: number }
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

export interface RotationPlan {
  readonly state: RotationState
  /** What the shard must carry, newest first: at most two, and three after the Secret was lost within an overlap. */
  readonly verifiers: readonly StoredVerifier[]
  readonly step: RotationStep
  /** What the Secret must say after this step: with the pending secret when step is `publish`, else with the one that it
   *  holds. Undefined: there is nothing to write yet (no Secret; or a client without a secret: no marks). */
  readonly secret: SecretMarks | undefined
  /** False: forget the pending secret, if there is one; nobody else ever had it. */
  readonly keepsPending: boolean
  /** The application's Secret has held a secret of ours, and does not any more. */
  readonly isLost: boolean
  /** Nothing but the use of a previous secret keeps it valid. */
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
    readonly observed: Observed
    readonly previous: readonly { readonly id: string; readonly expiresAt?: number; readonly lastUsed?: number }[]
  }
}

/** The most live verifiers of one client. The third is there for a Secret that was lost within an overlap, and for nothing else. */
export const mostVerifiers = 3

const defaultOverlapMs = 24 * 3_600_000

/** @returns the overlap in effect, milliseconds: what the client says, else 24 h or half the interval. */
export function overlapOf({ rotation }: Pick<RotationInput, 'rotation'>): number {
  const wanted = rotation.overlapMs ?? Math.min(defaultOverlapMs, (rotation.intervalMs ?? Infinity) / 2)
  return Math.min(wanted, rotation.maxOverlapMs)
}

export function observedOf({ secret, status }: Pick<RotationInput, 'secret' | 'status'>): Observed {
  return (secret.kind === 'owned' ? secret.observed : undefined) ?? status.observed
}

/** What of a client, its Secret and its status says whether previous secrets are to end. */
export interface Revocation extends Pick<RotationInput, 'secret' | 'status'> {
  readonly rotation: Pick<RotationInput['rotation'], 'revokePrevious'>
}

export const asksRevoke = (input: Revocation): boolean =>
  input.rotation.revokePrevious !== undefined && input.rotation.revokePrevious !== observedOf(input).revoke

/** What a secret minted now would obey. revokePrevious is obeyed by the publication itself. */
export const nonces = ({ rotation }: RotationInput): Observed => ({
  ...(rotation.trigger === undefined ? {} : { trigger: rotation.trigger }),
  ...(rotation.annotation === undefined ? {} : { annotation: rotation.annotation }),
})

/** How far ahead of ours the clock of an earlier leader may have been. Milliseconds. */
export const toleratedSkewMs = 3_600_000

/** When the published secret was published, epoch milliseconds, as its leader wrote it. A time further in the future than clocks
 *  differ is an edit: then it counts as now. */
export function lastRotatedOf({ secret, status, now }: RotationInput): number | undefined {
  const read = (secret.kind === 'owned' ? secret.rotatedAt : undefined) ?? status.lastRotated
  return read !== undefined && read > now + toleratedSkewMs ? now : read
}

/** When what is minted or published now counts as made: always later than the one before, so that nobody takes it for an older copy. */
export function publicationTime(input: RotationInput): number {
  const last = Math.max(lastRotatedOf(input) ?? 0, Math.min(input.status.lastRotated ?? 0, input.now + toleratedSkewMs))
  return Math.max(input.now, last + 1)
}

export const withoutEnd = ({ id, sha256 }: StoredVerifier): StoredVerifier => ({ id, sha256 })

/** @returns whether two lists say the same to a server. */
export function sameVerifiers(left: readonly StoredVerifier[], right: readonly StoredVerifier[]): boolean {
  return (
    left.length === right.length &&
    left.every((one, index) => one.sha256 === right[index]!.sha256 && one.notAfter === right[index]!.notAfter)
  )
}
