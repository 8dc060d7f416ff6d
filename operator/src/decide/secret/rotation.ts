// The rotation of one client's secret, as a pure function of what is stored.
//
//   only-old -> minted -> propagated -> published -> overlap -> retired
//
// The order never changes: the new verifier is in the shard; every replica has it; the application's Secret holds the
// secret; the old one stays valid for the overlap. The plain secret lives in memory only until it is published:
// after a crash the unpublished verifier is dropped and another secret minted, so no step needs a value twice.

import { mostVerifiers } from '../../api/client-secret.ts'
import { fenceBefore, isFenced, withFence } from './fences.ts'
import { isStale, knownVerifiers } from './known-verifiers.ts'
import type { KnownVerifiers } from './known-verifiers.ts'
import { planListed } from './listed-secrets.ts'
import { isRetired, lifeOfPrevious, roomAt, withoutPrevious } from './previous-secrets.ts'
import { isAsked, isRotationDue, noReplicaWaitMs, scheduleOf } from './rotation-due.ts'
import { plan } from './rotation-plan.ts'
import { present } from '../client/present.ts'
import {
  asksRevoke,
  wasGiven,
  nonces,
  isStillGoing,
  observedOf,
  overlapOf,
  publicationTime,
  sameVerifiers,
  toleratedSkewMs,
  withoutEnd,
} from './rotation-terms.ts'
import type {
  Observed,
  PendingSecret,
  RotationInput,
  RotationPlan,
  RotationStep,
  StoredVerifier,
} from './rotation-terms.ts'

/** Plans the next step. Call it again after each step, with what was read or written. */
export function planRotation(input: RotationInput): RotationPlan {
  if (input.source.kind === 'none') return plan(input, { state: 'none', verifiers: [], step: { kind: 'rest' } })
  if (input.source.kind === 'leaving') return planLeaving(input, input.source)
  if (input.source.kind === 'listed') return planListed(input, input.source)
  const known = knownVerifiers(input)
  return planFrom(withTimeOf(known, input), known)
}

/** What is put back counts as published now: then it is no older copy any more, and the overlap of the one that it replaced begins. An older
 *  copy that does not count leaves the time of the later publication in the status, by which it stays an older copy. */
function withTimeOf({ isPutBack, published }: KnownVerifiers, input: RotationInput): RotationInput {
  const { secret } = input
  if (secret.kind !== 'owned') return input
  if (isPutBack) return { ...input, secret: { ...secret, rotatedAt: publicationTime(input) } }
  return published === undefined && isStale(input) ? { ...input, secret: { ...secret, rotatedAt: undefined } } : input
}

function planFrom(input: RotationInput, known: KnownVerifiers): RotationPlan {
  const hold = (why: 'foreign' | 'unknown' | 'not-serving'): RotationPlan =>
    plan(input, {
      state: known.published ? 'only-old' : 'first',
      // a secret that people want to be rid of does not wait for the Secret
      verifiers: asksRevoke(input) ? withoutPrevious(input.verifiers ?? [], undefined) : (input.verifiers ?? []),
      step: { kind: 'blocked', why },
      published: known.published,
    })
  if (input.secret.kind === 'foreign') return hold('foreign')
  // the unread Secret may hold a secret in use: nothing changes
  if (input.secret.kind === 'unknown') return hold('unknown')
  if (!input.serving) return hold('not-serving')
  return known.published ? planPublished(input, known.published, known.live) : planUnpublished(input, known.live)
}

/** The client no longer needs a secret. Live secrets end after the overlap, or now on request. */
function planLeaving(input: RotationInput, { isTaken }: { readonly isTaken: boolean }): RotationPlan {
  const { now } = input
  const revoked = asksRevoke(input)
  const end = isTaken ? now + overlapOf(input) : undefined
  const verifiers = (revoked ? [] : (input.verifiers ?? []))
    .filter(({ notAfter }) => notAfter === undefined || notAfter > now)
    .map((one) => (end === undefined ? one : { ...one, notAfter: Math.min(one.notAfter ?? end, end) }))
  const step = rest(input, verifiers)
  // only the shard can record the revocation here: until it does, plan again
  return plan(input, { state: 'leaving', verifiers, step, revoked: revoked && step.kind === 'rest' })
}

/** The Secret holds a secret of ours. `live` is [published], [published, previous] or [unpublished, published]; each may have another
 *  previous one behind it, from a loss of the Secret within an overlap. */
function planPublished(input: RotationInput, published: StoredVerifier, live: readonly StoredVerifier[]): RotationPlan {
  const { secret, now } = input
  const candidate = candidateOf(input)
  const schedule = scheduleOf(input)
  const at = live.findIndex(({ id }) => id === published.id)
  const [unpublished, older] = [at > 0 ? live[0] : undefined, live.slice(at + 1)]
  const isDue = isRotationDue(input, published, schedule, candidate !== undefined)
  const base = { published, state: 'only-old' as const }

  if (unpublished) {
    if (candidate?.id === unpublished.id && isDue && older.length === 0)
      return planInFlight(input, candidate, [published], published)
    // our own candidate is no longer wanted: its plain value is dropped too, so nobody can publish it
    if (candidate?.id === unpublished.id)
      return plan(input, { ...base, verifiers: [published, ...older], step: { kind: 'write-shard' } })
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
  const isRevoked = asksRevoke(input)
  const kept = isRevoked ? [] : older.filter((one) => !isRetired(input, one))
  const verifiers = [published, ...kept]
  const resting = {
    ...base,
    state: kept.length > 0 ? ('overlap' as const) : ('only-old' as const),
    verifiers,
    step: rest(input, verifiers),
    revoked: isRevoked && !isDue,
  }
  if (input.source.kind === 'existing' && !input.source.secret)
    return plan(input, { ...resting, step: { kind: 'blocked', why: 'waiting-for-secret' } })
  if (!isDue) return plan(input, resting)
  if (!candidate && kept.length === 0)
    return plan(input, { ...base, verifiers, step: mint(input, isAsked(input) ? undefined : schedule?.dueAt) })
  // the client returns to its earlier given secret, which is still live
  const isBack = kept.length === 1 && kept[0]!.id === candidate?.id
  // at most two live verifiers: a third rotation waits for the previous one to retire
  if (!candidate || (kept.length > 0 && !isBack)) return plan(input, { ...resting, waitsFor: kept })
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
  if (candidate && live[0]?.id === candidate.id) return planInFlight(input, candidate, live.slice(1), undefined)
  if (input.source.kind === 'existing' && !input.source.secret) {
    return plan(input, { ...base, verifiers: live, step: { kind: 'blocked', why: 'waiting-for-secret' } })
  }
  const kept = keepPublished(input, live)
  if (kept.length === mostVerifiers) {
    return plan(input, { ...base, verifiers: kept, step: { kind: 'blocked', why: 'no-room' } })
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
  if (!candidate)
    return plan(input, {
      ...base,
      verifiers: kept,
      step: mint(input),
    })
  return plan(input, {
    ...base,
    state: 'minted',
    verifiers: [candidate, ...kept],
    step: { kind: 'write-shard' },
    keepsPending: true,
  })
}

/** The verifiers that stay beside a new one: each that may have been published, since an application may hold its secret. Of three the
 *  oldest ends once the Secret was lost long enough, so there is never a fourth. */
function keepPublished(input: RotationInput, live: readonly StoredVerifier[]): readonly StoredVerifier[] {
  const [newest, second, ...older] = live
  if (!newest || !second) return live
  const { secret, status, now } = input
  const wasPublished =
    second.notAfter !== undefined ||
    wasGiven(status, newest.id) ||
    (secret.kind === 'owned' && secret.secretId === newest.id)
  const secondWas = status.activeId === second.id || older.some(({ notAfter }) => notAfter !== undefined)
  // the newest belongs to a leader that died before it could publish
  const published = wasPublished ? live : secondWas ? [second, ...older] : [newest]
  if (asksRevoke(input)) return published.slice(0, 1)
  const kept = published.map((one, at) =>
    at === 0 ? one : { ...one, notAfter: one.notAfter ?? now + overlapOf(input) },
  )
  return kept.length === mostVerifiers && now >= roomAt(input) ? kept.slice(0, -1) : kept
}

interface Candidate {
  readonly id: string
  readonly sha256: string
  readonly mintedAt: number | undefined
  readonly obeys: Observed
}

/** Whether another leader has published since it was minted. A time beyond the clock skew is ignored: no leader writes one. */
function isOvertaken({ secret, status, now }: RotationInput, { mintedAt }: PendingSecret): boolean {
  const published = (secret.kind === 'owned' ? secret.rotatedAt : undefined) ?? status.lastRotated
  return published !== undefined && published <= now + toleratedSkewMs && published > mintedAt
}

/** The secret that this process may publish. Not one that a later leader fenced off, nor one older than the published one: that leader has
 *  dropped its verifier from the shard. */
function candidateOf(input: RotationInput): Candidate | undefined {
  const { pending } = input
  if (input.source.kind !== 'existing') {
    const isOver = (one: PendingSecret) =>
      isFenced(input, one.id) || isOvertaken(input, one) || input.endedIds?.includes(one.id) === true
    return pending && !isOver(pending) ? pending : undefined
  }
  return input.source.secret && { ...input.source.secret, mintedAt: undefined, obeys: nonces(input) }
}

/** The candidate is in the stored shard: publish it once every replica has it. */
function planInFlight(
  input: RotationInput,
  candidate: Candidate,
  others: readonly StoredVerifier[],
  published: StoredVerifier | undefined,
): RotationPlan {
  const { replicas, now } = input
  const since = candidate.mintedAt ?? now
  const verifiers = [withoutEnd({ id: candidate.id, sha256: candidate.sha256 }), ...others]
  const common = { published, verifiers, keepsPending: true, since }
  const isEverywhere =
    replicas.total > 0
      ? replicas.serving && replicas.unreachable === 0
      : candidate.mintedAt === undefined || now >= since + noReplicaWaitMs
  // a program may send the new secret on an open connection to a terminating pod; a first secret is only used on new connections
  const mayPublish = isEverywhere && (others.length === 0 || !isStillGoing(replicas.goingUntil, now))
  if (!mayPublish) return plan(input, { ...common, state: 'minted', step: { kind: 'await-replicas', since } })
  const overlap = asksRevoke(input) ? 0 : lifeOfPrevious(input)
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
    marks: {
      secretId: candidate.id,
      rotatedAt: publicationTime(input),
      verifiers: [verifiers[0]!, ...previous],
      observed: obeyed,
    },
  })
}

const mint = (input: RotationInput, dueAt?: number): RotationStep => ({
  kind: 'mint',
  obeys: nonces(input),
  at: publicationTime(input),
  ...present({ dueAt }),
})

const rest = (input: RotationInput, verifiers: readonly StoredVerifier[]): RotationStep =>
  sameVerifiers(verifiers, input.verifiers ?? []) ? { kind: 'rest' } : { kind: 'write-shard' }
