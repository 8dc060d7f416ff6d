// The rotation of one client's secret, as a pure function of what is stored.
//
//   only-old -> minted -> propagated -> published -> overlap -> retired
//
// The order never changes: the new verifier is in the shard; every replica has it; the application's Secret holds the
// secret; the old one stays valid for the overlap. The plain secret lives in memory only until it is published:
// after a crash the unpublished verifier is dropped and another secret minted, so no step needs a value twice.

import { fenceBefore, isFenced, withFence } from './fences.ts'
import { knownVerifiers } from './known-verifiers.ts'
import { isRetired, isRotationDue, lifeOfPrevious, noReplicaWaitMs, overdue, scheduleOf } from './rotation-due.ts'
import type { Scheduled } from './rotation-due.ts'
import { plan } from './rotation-plan.ts'
import { asksRevoke, nonces, observedOf, overlapOf, sameVerifiers, withoutEnd } from './rotation-terms.ts'
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

/** The Secret holds a secret of ours. `live` is [published], [published, previous] or [unpublished, published]. */
function planPublished(input: RotationInput, published: StoredVerifier, live: readonly StoredVerifier[]): RotationPlan {
  const { secret, now } = input
  const candidate = candidateOf(input)
  const schedule = scheduleOf(input)
  const unpublished = live[0]!.id === published.id ? undefined : live[0]!
  const isDue = isRotationDue(input, published, schedule, unpublished !== undefined && unpublished.id === candidate?.id)
  const base = { published, schedule, state: 'only-old' as const }

  if (unpublished) {
    if (candidate?.id === unpublished.id && isDue)
      return planInFlight(input, candidate, [published], { published, schedule })
    // our own candidate, which is not wanted any more: its plain value is dropped with it, so no earlier leader can publish it
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
    return { ...wait, health: overdue(input, schedule, `waits until the previous secret retires`) ?? waitingFor(kept) }
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

/** People have asked for a rotation, and it cannot begin yet. */
function waitingFor(previous: readonly StoredVerifier[]): RotationPlan['health'] {
  const until = previous.map(({ id, notAfter }) =>
    notAfter === undefined
      ? `secret ${id} ends`
      : `secret ${id} ends, at ${new Date(notAfter).toISOString()} at the latest`,
  )
  const waits = `the next rotation waits until ${until.join(' and ')}; to end that now, change spec.rotation.revokePrevious`
  return { ok: true, waits }
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

/** Makes room for another verifier. One that may have been published stays: an application may hold its secret. */
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

interface Candidate {
  readonly id: string
  readonly sha256: string
  readonly mintedAt: number | undefined
  readonly obeys: Observed
}

/** Another leader has published since it was minted. A time in the future is ignored: no leader writes one. */
function isOvertaken({ secret, status, now }: RotationInput, { mintedAt }: PendingSecret): boolean {
  const published = (secret.kind === 'owned' ? secret.rotatedAt : undefined) ?? status.lastRotated
  return published !== undefined && published <= now && published > mintedAt
}

/** The secret that this process could publish. It is not one that a later leader has fenced off, nor one that is older than
 *  what the Secret holds: that leader has dropped its verifier, even if this process still believes that the shard has it. */
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

const rest = (input: RotationInput, verifiers: readonly StoredVerifier[]): RotationStep =>
  sameVerifiers(verifiers, input.verifiers ?? []) ? { kind: 'rest' } : { kind: 'write-shard' }
