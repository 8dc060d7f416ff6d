// The rotation of one client's secret, as a pure function of what is stored.
//
//   only-old -> minted -> propagated -> published -> overlap -> retired
//
// The order that no step may leave: the new verifier is in the shard; every replica has it; the application's Secret
// holds the secret; the old one stays for the overlap. The plain secret lives in memory only until it is published:
// after a crash the unpublished verifier is dropped and another secret minted, so no step needs a value twice.

import { windowAt } from './schedule.ts'

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
  /** Read failed with anything but 404: nothing is known, so nothing changes. */
  | { readonly kind: 'unknown' }
  /** A confirmed 404. */
  | { readonly kind: 'absent' }
  /** Somebody else's; never touched. */
  | { readonly kind: 'foreign' }
  | {
      readonly kind: 'owned'
      /** SHA-256 of the client_secret that it holds; undefined when it holds none. */
      readonly sha256: string | undefined
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
  /** secret.existingSecretRef; `secret` is undefined while it is missing, unlabelled or too short. */
  | { readonly kind: 'existing'; readonly secret: { readonly id: string; readonly sha256: string } | undefined }

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
  /** False while nothing of the client is in its shard (conflict, denied past its grace, never valid): no rotation then. */
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
  }
  /** Epoch milliseconds of the last use, by id; `complete` when every replica has been heard since. */
  readonly usage: { readonly complete: boolean; readonly lastUsed: Readonly<Record<string, number>> }
  /** From status.secret; a fallback when the Secret is gone. */
  readonly status: {
    readonly activeId?: string
    readonly lastRotated?: number
    readonly observed: Observed
  }
  /** A scheduled rotation may not begin before (policy rotation.minSpacing); epoch milliseconds. */
  readonly notBefore?: number
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

/** `first`: nothing is published yet, or what was is gone. `published` lasts no time: it is the write itself. */
export type RotationState = 'none' | 'first' | 'only-old' | 'minted' | 'propagated' | 'overlap'

export type RotationStep =
  /** Nothing to do until `wakeAt` or an event. */
  | { readonly kind: 'rest' }
  /** Mint a secret, keep it in memory as pending with `obeys`, and plan again. */
  | { readonly kind: 'mint'; readonly obeys: Observed }
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
      readonly why: 'foreign' | 'unknown' | 'waiting-for-secret' | 'overlap-without-secret' | 'not-serving'
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
  /** What the shard must carry, newest first, at most two. */
  readonly verifiers: readonly StoredVerifier[]
  readonly step: RotationStep
  /** What the Secret must say after this step: with the pending secret when step is `publish`, else with the one that it
   *  holds. Undefined: there is nothing to write yet (no Secret; or a client without a secret: no marks). */
  readonly secret: SecretMarks | undefined
  /** False: forget the pending secret, if there is one; nobody else ever had it. */
  readonly keepsPending: boolean
  /** Plan again at this time at the latest; epoch milliseconds. */
  readonly wakeAt: number | undefined
  readonly health:
    | { readonly ok: true }
    | { readonly ok: false; readonly reason: 'Overdue' | 'WindowMissed' | 'ReplicasLagging'; readonly message: string }
  /** For status.secret. */
  readonly report: {
    readonly activeId?: string
    readonly lastRotated?: number
    readonly nextRotation?: number
    readonly observed: Observed
    readonly previous: readonly { readonly id: string; readonly expiresAt?: number; readonly lastUsed?: number }[]
  }
}

/** Nothing waits for a replica when there is none, but one may be starting. */
const noReplicaWaitMs = 60_000
/** Propagation that takes longer is reported; nothing is published meanwhile. */
export const laggingAfterMs = 5 * 60_000
const defaultOverlapMs = 24 * 3_600_000

/** Plans the next step. Call it again after each step, with what was read or written. */
export function planRotation(input: RotationInput): RotationPlan {
  if (input.source.kind === 'none') return plan(input, { state: 'none', verifiers: [], step: { kind: 'rest' } })
  const known = knownVerifiers(input)
  const hold = (why: 'foreign' | 'unknown' | 'not-serving'): RotationPlan =>
    plan(input, {
      state: known.published ? 'only-old' : 'first',
      verifiers: input.verifiers ?? [],
      step: { kind: 'blocked', why },
      published: known.published,
    })
  if (input.secret.kind === 'foreign') return hold('foreign')
  // whatever could not be read may hold a secret that people use: nothing changes
  if (input.secret.kind === 'unknown') return hold('unknown')
  if (!input.serving) return hold('not-serving')
  return known.published ? planPublished(input, known.published, known.live) : planUnpublished(input, known.live)
}

interface Known {
  /** Live verifiers, newest first. */
  readonly live: readonly StoredVerifier[]
  /** The one that the application's Secret holds, when we know it as ours. */
  readonly published: StoredVerifier | undefined
}

/** What is live and what is published, from the shard and the Secret, either of which may be lost, restored or edited. */
function knownVerifiers(input: RotationInput): Known {
  const { secret, now } = input
  const stored = (input.verifiers ?? []).filter(({ notAfter }) => notAfter === undefined || notAfter > now)
  if (secret.kind !== 'owned') return { live: stored, published: undefined }
  const held = secret.sha256
  const inShard = stored.find(({ sha256 }) => sha256 === held)
  if (held !== undefined && inShard) return settle(input, stored, inShard)
  const marked = liveMarks(input)
  if (held !== undefined && isOwnPublication(input, held)) {
    // an earlier leader published it, or the shard is lost or older: what an application may hold must be live first of all
    const others = marked.filter(({ sha256 }) => sha256 !== held).slice(0, 1)
    const published = { id: held.slice(0, 8), sha256: held }
    return { live: [published, ...others], published }
  }
  // edited: the shard knows what was published; without it the annotation does
  return {
    live: stored.length > 0 ? stored : held !== undefined && !isStale(input) ? marked : [],
    published: undefined,
  }
}

/** The Secret holds a verifier of the shard. Usually that is the newest, or the one before an unpublished one. */
function settle(input: RotationInput, stored: readonly StoredVerifier[], held: StoredVerifier): Known {
  const other = stored.find(({ id }) => id !== held.id)
  if (!other) return { live: [withoutEnd(held)], published: withoutEnd(held) }
  const heldIsOlder = stored[1]?.id === held.id
  const wasReplaced = held.notAfter !== undefined || input.status.activeId === other.id
  if (heldIsOlder && !wasReplaced) return { live: [other, held], published: held }
  // somebody put an older copy of the Secret back while its value is still live: it is the published one again
  if (heldIsOlder)
    return {
      live: [withoutEnd(held), { ...other, notAfter: input.now + overlapOf(input) }],
      published: withoutEnd(held),
    }
  return { live: [withoutEnd(held), ...endOf(input, other)], published: withoutEnd(held) }
}

/** When the previous secret ends: what the shard says, else what the publication wrote into the annotation. A previous one
 *  that the annotation of this very publication does not list has been retired or revoked. */
function endOf(input: RotationInput, previous: StoredVerifier): readonly StoredVerifier[] {
  const { secret, now } = input
  if (secret.kind === 'owned' && secret.sha256 !== undefined && isOwnPublication(input, secret.sha256)) {
    const marked = secret.verifiers.find(({ sha256 }) => sha256 === previous.sha256)
    if (!marked) return []
    // who may write the annotation may not make an old secret live for ever
    const latest = now + Math.max(overlapOf(input), input.rotation.maxOverlapMs)
    const notAfter = previous.notAfter ?? Math.min(marked.notAfter ?? latest, latest)
    return notAfter > now ? [{ ...previous, notAfter }] : []
  }
  return [{ ...previous, notAfter: previous.notAfter ?? now + overlapOf(input) }]
}

function liveMarks(input: RotationInput): readonly StoredVerifier[] {
  const { secret, now } = input
  if (secret.kind !== 'owned') return []
  const latest = now + Math.max(overlapOf(input), input.rotation.maxOverlapMs)
  return secret.verifiers
    .filter(({ notAfter }) => notAfter === undefined || notAfter > now)
    .map((one) => (one.notAfter === undefined ? one : { ...one, notAfter: Math.min(one.notAfter, latest) }))
}

type OwnedSecret = Extract<SecretState, { kind: 'owned' }>

/** The annotations tell of the value that the Secret holds. */
const isConsistent = (secret: OwnedSecret, held: string): boolean =>
  secret.secretId === held.slice(0, 8) && secret.verifiers.some(({ sha256 }) => sha256 === held)

/** An older copy, put back after a later rotation: its value may be retired or revoked, and must not come to life again. */
const isStale = ({ secret, status }: RotationInput): boolean =>
  secret.kind === 'owned' && status.lastRotated !== undefined && (secret.rotatedAt ?? 0) < status.lastRotated

const isOwnPublication = (input: RotationInput, held: string): boolean =>
  input.secret.kind === 'owned' && isConsistent(input.secret, held) && !isStale(input)

/** The Secret holds a secret of ours. `live` is [published], [published, previous] or [unpublished, published]. */
function planPublished(input: RotationInput, published: StoredVerifier, live: readonly StoredVerifier[]): RotationPlan {
  const { secret, now } = input
  const candidate = candidateOf(input)
  const schedule = scheduleOf(input)
  const unpublished = live[0]!.id === published.id ? undefined : live[0]!
  const isDue = dueReasons(input, published, schedule, unpublished !== undefined && unpublished.id === candidate?.id)
  const base = { published, schedule, state: 'only-old' as const }

  if (unpublished) {
    if (candidate?.id === unpublished.id && isDue)
      return planInFlight(input, candidate, [published], { published, schedule })
    // our own candidate that nobody wants any more: the plain value goes with it, so no earlier leader can publish it
    if (candidate?.id === unpublished.id)
      return plan(input, { ...base, verifiers: [published], step: { kind: 'write-shard' } })
    if (secret.kind === 'owned' && !isFenced(input, unpublished.id)) {
      return plan(input, {
        ...base,
        state: 'minted',
        verifiers: live,
        step: { kind: 'fence' },
        fence: withFence(input, unpublished.id),
        keepsPending: true,
      })
    }
  }
  const previous = unpublished ? undefined : live[1]
  const isRevoked = asksRevoke(input)
  const kept = previous && !isRevoked && !isRetired(input, previous) ? [previous] : []
  const verifiers = [published, ...kept]
  const wait = plan(input, {
    ...base,
    state: kept.length > 0 ? 'overlap' : 'only-old',
    verifiers,
    step: rest(input, verifiers),
    revoked: isRevoked && !isDue,
  })
  if (input.source.kind === 'existing' && !input.source.secret)
    return { ...wait, step: { kind: 'blocked', why: 'waiting-for-secret' } }
  if (!isDue) return wait
  // at most two live verifiers: a third rotation waits for the previous one to retire
  if (kept.length > 0)
    return { ...wait, health: overdue(input, schedule, `waits until the previous secret retires`) ?? wait.health }
  if (!candidate) return plan(input, { ...base, verifiers, step: { kind: 'mint', obeys: nonces(input) } })
  return plan(input, {
    ...base,
    state: 'minted',
    verifiers: [candidate, published],
    step: { kind: 'write-shard' },
    keepsPending: true,
    since: candidate.mintedAt ?? now,
  })
}

/** No Secret, or one whose value is not ours: the first one, or a restoration. */
function planUnpublished(input: RotationInput, live: readonly StoredVerifier[]): RotationPlan {
  const candidate = candidateOf(input)
  const base = { published: undefined, state: 'first' as const }
  if (candidate && live[0]?.id === candidate.id) return planInFlight(input, candidate, live.slice(1), base)
  if (input.source.kind === 'existing' && !input.source.secret) {
    return plan(input, { ...base, verifiers: live, step: { kind: 'blocked', why: 'waiting-for-secret' } })
  }
  const kept = keepOne(input, live)
  if (kept.length > 1) {
    return plan(input, { ...base, verifiers: kept, step: { kind: 'blocked', why: 'overlap-without-secret' } })
  }
  const fence = fenceBefore(input, live, kept)
  if (fence)
    return plan(input, {
      ...base,
      state: 'minted',
      verifiers: live,
      step: { kind: 'fence' },
      marks: fence,
      keepsPending: true,
    })
  if (!candidate) return plan(input, { ...base, verifiers: kept, step: { kind: 'mint', obeys: nonces(input) } })
  return plan(input, {
    ...base,
    state: 'minted',
    verifiers: [candidate, ...kept],
    step: { kind: 'write-shard' },
    keepsPending: true,
  })
}

/** Makes room for another verifier. One whose publication cannot be excluded stays: an application may hold it. */
function keepOne(input: RotationInput, live: readonly StoredVerifier[]): readonly StoredVerifier[] {
  const [newest, older] = live
  if (!newest || !older) return live
  if (asksRevoke(input)) return [newest]
  const { secret, status } = input
  const wasPublished =
    older.notAfter !== undefined ||
    status.activeId === newest.id ||
    (secret.kind === 'owned' && secret.secretId === newest.id)
  if (wasPublished) return [newest, { ...older, notAfter: older.notAfter ?? input.now + overlapOf(input) }]
  return status.activeId === older.id ? [older] : [newest]
}

/** Before a verifier goes that an earlier leader may still publish over an edited Secret, that Secret is written once: its
 *  value stays the edited one, but the earlier leader's write now meets a conflict. */
function fenceBefore(
  input: RotationInput,
  live: readonly StoredVerifier[],
  kept: readonly StoredVerifier[],
): SecretMarks | undefined {
  const dropped = live.find((one) => one.notAfter === undefined && !kept.includes(one))
  const { secret } = input
  if (!dropped || secret.kind !== 'owned' || secret.sha256 === undefined || isFenced(input, dropped.id))
    return undefined
  return {
    secretId: secret.sha256.slice(0, 8),
    rotatedAt: lastRotatedOf(input) ?? input.now,
    verifiers: kept,
    observed: observedOf(input),
    fence: withFence(input, dropped.id),
  }
}

interface Candidate {
  readonly id: string
  readonly sha256: string
  readonly mintedAt: number | undefined
  readonly obeys: Observed
}

/** More leaders than this do not come and go while one of them is paused. */
const rememberedFences = 16

const fencesOf = ({ secret }: RotationInput): readonly string[] =>
  secret.kind === 'owned' ? (secret.fence?.split(',') ?? []) : []

const isFenced = (input: RotationInput, id: string): boolean => fencesOf(input).includes(id)

/** An earlier fence stays: the leader that it shuts out may still be paused when the next one is raised. */
const withFence = (input: RotationInput, id: string): string =>
  [id, ...fencesOf(input)].slice(0, rememberedFences).join(',')

/** Somebody has published since it was minted. A time in the future was written by nobody who publishes. */
function isOvertaken({ secret, status, now }: RotationInput, { mintedAt }: PendingSecret): boolean {
  const published = (secret.kind === 'owned' ? secret.rotatedAt : undefined) ?? status.lastRotated
  return published !== undefined && published <= now && published > mintedAt
}

/** The secret that this process could publish. It is not one that a later leader has fenced off, nor one that is older than
 *  what the Secret holds: that leader has dropped its verifier, whatever this process still believes of the shard. */
function candidateOf(input: RotationInput): Candidate | undefined {
  const { pending } = input
  if (input.source.kind !== 'existing') {
    return pending && !isFenced(input, pending.id) && !isOvertaken(input, pending) ? pending : undefined
  }
  return input.source.secret && { ...input.source.secret, mintedAt: undefined, obeys: nonces(input) }
}

/** The candidate is in the stored shard: publish it once every replica has it. */
function planInFlight(
  input: RotationInput,
  candidate: Candidate,
  others: readonly StoredVerifier[],
  base: { published: StoredVerifier | undefined; schedule?: Scheduled | undefined },
): RotationPlan {
  const { replicas, now } = input
  const since = candidate.mintedAt ?? now
  const verifiers = [withoutEnd({ id: candidate.id, sha256: candidate.sha256 }), ...others]
  const common = { ...base, verifiers, keepsPending: true, since }
  const mayPublish =
    replicas.total > 0
      ? replicas.serving && replicas.unreachable === 0
      : candidate.mintedAt === undefined || now >= since + noReplicaWaitMs
  if (!mayPublish) return plan(input, { ...common, state: 'minted', step: { kind: 'await-replicas', since } })
  const overlap = asksRevoke(input) || input.source.kind === 'existing' ? 0 : lifeOfPrevious(input)
  const previous = others
    .map((one) => ({ ...one, notAfter: Math.min(one.notAfter ?? Infinity, now + overlap) }))
    .filter(({ notAfter }) => notAfter > now)
  const obeyed = {
    ...observedOf(input),
    ...nonces(input),
    ...(asksRevoke(input) ? { revoke: input.rotation.revokePrevious! } : {}),
  }
  return plan(input, {
    ...common,
    state: 'propagated',
    step: { kind: 'publish' },
    marks: { secretId: candidate.id, rotatedAt: now, verifiers: [verifiers[0]!, ...previous], observed: obeyed },
  })
}

/** How long the previous secret may live at most: with WhenUnused only the policy's bound is certain. */
const lifeOfPrevious = (input: RotationInput): number =>
  input.rotation.retire === 'WhenUnused' ? Math.max(overlapOf(input), input.rotation.maxOverlapMs) : overlapOf(input)

/** @returns the overlap in effect, milliseconds: what the client says, else 24 h or half the interval. */
export function overlapOf({ rotation }: Pick<RotationInput, 'rotation'>): number {
  const wanted = rotation.overlapMs ?? Math.min(defaultOverlapMs, (rotation.intervalMs ?? Infinity) / 2)
  return Math.min(wanted, rotation.maxOverlapMs)
}

function isRetired(input: RotationInput, previous: StoredVerifier): boolean {
  if (previous.notAfter !== undefined && previous.notAfter <= input.now) return true
  const unusedAt = unusedSince(input, previous)
  return input.rotation.retire === 'WhenUnused' && unusedAt !== undefined && input.now >= unusedAt
}

/** With WhenUnused: when the previous secret may go early; undefined while some replica has not said what it saw. */
function unusedSince(input: RotationInput, previous: StoredVerifier): number | undefined {
  if (!input.usage.complete) return undefined
  const published = lastRotatedOf(input) ?? input.now
  const lastUsed = Math.max(input.usage.lastUsed[previous.id] ?? 0, published)
  return Math.max(published + overlapOf(input), lastUsed + input.rotation.quietPeriodMs)
}

function observedOf({ secret, status }: RotationInput): Observed {
  return (secret.kind === 'owned' ? secret.observed : undefined) ?? status.observed
}

const asksRevoke = (input: RotationInput): boolean =>
  input.rotation.revokePrevious !== undefined && input.rotation.revokePrevious !== observedOf(input).revoke

/** What a secret minted now would obey. revokePrevious is obeyed by the publication itself. */
const nonces = ({ rotation }: RotationInput): Observed => ({
  ...(rotation.trigger === undefined ? {} : { trigger: rotation.trigger }),
  ...(rotation.annotation === undefined ? {} : { annotation: rotation.annotation }),
})

function dueReasons(
  input: RotationInput,
  published: StoredVerifier,
  schedule: Scheduled | undefined,
  inFlight: boolean,
): boolean {
  if (input.source.kind === 'existing')
    return input.source.secret !== undefined && input.source.secret.id !== published.id
  const observed = observedOf(input)
  const { trigger, annotation } = input.rotation
  if (trigger !== undefined && trigger !== observed.trigger) return true
  if (annotation !== undefined && annotation !== observed.annotation) return true
  // a window says when a rotation may begin; one that has begun goes on
  return schedule !== undefined && (inFlight ? input.now >= schedule.dueAt : schedule.isOpen)
}

interface Scheduled {
  /** When the interval is over. */
  readonly dueAt: number
  /** When the rotation may begin: the next window, or the instant of minSpacing. */
  readonly beginsAt: number
  readonly isOpen: boolean
  /** A window has come and gone since dueAt. */
  readonly missed: boolean
}

function scheduleOf(input: RotationInput): Scheduled | undefined {
  const { rotation, now } = input
  const last = lastRotatedOf(input)
  if (rotation.intervalMs === undefined || last === undefined || input.source.kind !== 'minted') return undefined
  const dueAt = last + rotation.intervalMs
  const earliest = Math.max(dueAt, input.notBefore ?? 0)
  if (!rotation.window) return { dueAt, beginsAt: earliest, isOpen: now >= earliest, missed: false }
  const first = windowAt(rotation.window, earliest)
  const next = windowAt(rotation.window, Math.max(now, earliest))
  if (!first || !next) return { dueAt, beginsAt: earliest, isOpen: now >= earliest, missed: false }
  const beginsAt = Math.max(next.opens, earliest)
  return { dueAt, beginsAt, isOpen: now >= beginsAt, missed: now >= first.closes }
}

/** When the published secret was published, epoch milliseconds; never in the future, whatever an annotation says. */
function lastRotatedOf({ secret, status, now }: RotationInput): number | undefined {
  const read = (secret.kind === 'owned' ? secret.rotatedAt : undefined) ?? status.lastRotated
  return read === undefined ? undefined : Math.min(read, now)
}

const withoutEnd = ({ id, sha256 }: StoredVerifier): StoredVerifier => ({ id, sha256 })

/** @returns whether two lists say the same to a server. */
export function sameVerifiers(left: readonly StoredVerifier[], right: readonly StoredVerifier[]): boolean {
  return (
    left.length === right.length &&
    left.every((one, index) => one.sha256 === right[index]!.sha256 && one.notAfter === right[index]!.notAfter)
  )
}

const rest = (input: RotationInput, verifiers: readonly StoredVerifier[]): RotationStep =>
  sameVerifiers(verifiers, input.verifiers ?? []) ? { kind: 'rest' } : { kind: 'write-shard' }

function overdue(
  input: RotationInput,
  schedule: Scheduled | undefined,
  why: string,
): RotationPlan['health'] | undefined {
  if (!schedule || input.now < schedule.beginsAt + laggingAfterMs) return undefined
  if (schedule.missed && !schedule.isOpen) {
    return {
      ok: false,
      reason: 'WindowMissed',
      message: `due since ${text(schedule.dueAt)}; begins in the window at ${text(schedule.beginsAt)}`,
    }
  }
  return { ok: false, reason: 'Overdue', message: `due since ${text(schedule.dueAt)}; ${why}` }
}

const text = (time: number): string => new Date(time).toISOString()

function plan(
  input: RotationInput,
  made: {
    readonly state: RotationState
    readonly verifiers: readonly StoredVerifier[]
    readonly step: RotationStep
    readonly published?: StoredVerifier | undefined
    readonly schedule?: Scheduled | undefined
    readonly fence?: string
    readonly marks?: SecretMarks
    readonly keepsPending?: boolean
    readonly revoked?: boolean
    readonly since?: number
  },
): RotationPlan {
  const { published, schedule, step, verifiers } = made
  const revoke = made.revoked ? input.rotation.revokePrevious : undefined
  const observed = { ...observedOf(input), ...(revoke === undefined ? {} : { revoke }) }
  const lastRotated = lastRotatedOf(input)
  const previous = verifiers.slice(1).filter(({ id }) => id !== published?.id)
  const fence = made.fence ?? (input.secret.kind === 'owned' ? input.secret.fence : undefined)
  const held: SecretMarks | undefined = published && {
    secretId: published.id,
    rotatedAt: lastRotated ?? input.now,
    verifiers: [published, ...previous],
    observed,
    ...(fence === undefined ? {} : { fence }),
  }
  const marks = made.marks && { ...(fence === undefined ? {} : { fence }), ...made.marks }
  return {
    state: made.state,
    verifiers,
    step,
    secret: input.secret.kind === 'owned' || marks ? (marks ?? held) : undefined,
    keepsPending: made.keepsPending ?? false,
    wakeAt: wakeAt(input, made),
    health: healthOf(input, made),
    report: {
      ...((published?.id ?? input.status.activeId) === undefined
        ? {}
        : { activeId: published?.id ?? input.status.activeId! }),
      ...(lastRotated === undefined ? {} : { lastRotated }),
      ...(schedule === undefined ? {} : { nextRotation: Math.max(schedule.beginsAt, schedule.dueAt) }),
      observed,
      previous: previous.map(({ id, notAfter }) => ({
        id,
        ...(notAfter === undefined ? {} : { expiresAt: notAfter }),
        ...(input.usage.lastUsed[id] === undefined ? {} : { lastUsed: input.usage.lastUsed[id] }),
      })),
    },
  }
}

function healthOf(
  input: RotationInput,
  made: { step: RotationStep; since?: number; schedule?: Scheduled | undefined },
): RotationPlan['health'] {
  if (made.step.kind === 'await-replicas' && made.since !== undefined && input.now - made.since > laggingAfterMs) {
    const who =
      input.replicas.unreachable > 0
        ? `${input.replicas.unreachable} of ${input.replicas.total} replicas do not answer`
        : 'not every replica has the new secret'
    return { ok: false, reason: 'ReplicasLagging', message: `${who}; the old secret stays, nothing is published` }
  }
  if (made.schedule?.missed && !made.schedule.isOpen) {
    return (
      overdue(
        input,
        { ...made.schedule, beginsAt: Math.min(made.schedule.beginsAt, input.now - laggingAfterMs) },
        '',
      ) ?? { ok: true }
    )
  }
  return { ok: true }
}

/** The earliest instant at which time alone changes the plan. */
function wakeAt(
  input: RotationInput,
  made: { step: RotationStep; verifiers: readonly StoredVerifier[]; schedule?: Scheduled | undefined; since?: number },
): number | undefined {
  const { now } = input
  const previous = made.verifiers[1]
  const times = [
    ...made.verifiers.map(({ notAfter }) => notAfter),
    made.schedule?.isOpen === false ? made.schedule.beginsAt : undefined,
    ...(previous && input.rotation.retire === 'WhenUnused' ? [unusedSince(input, previous)] : []),
    ...(made.step.kind === 'await-replicas' && made.since !== undefined
      ? [made.since + (input.replicas.total === 0 ? noReplicaWaitMs : laggingAfterMs + 1)]
      : []),
  ].filter((time): time is number => time !== undefined && time > now)
  return times.length > 0 ? Math.min(...times) : undefined
}
