// A decision about the rotation -> the whole plan: what is written with the step, what people are told, when to look again.
import { laggingAfterMs, noReplicaWaitMs, overdue, unusedSince } from './rotation-due.ts'
import type { Scheduled } from './rotation-due.ts'
import { lastRotatedOf, observedOf } from './rotation-terms.ts'
import type {
  RotationInput,
  RotationPlan,
  RotationState,
  RotationStep,
  SecretMarks,
  StoredVerifier,
} from './rotation-terms.ts'
import { present } from './present.ts'

/** What rotation.ts has decided. */
interface Decision {
  readonly state: RotationState
  /** What the shard must carry, newest first. */
  readonly verifiers: readonly StoredVerifier[]
  readonly step: RotationStep
  /** The one that the application's Secret holds. */
  readonly published?: StoredVerifier | undefined
  readonly schedule?: Scheduled | undefined
  /** A fence that the Secret gets with this step. */
  readonly fence?: string
  /** What the Secret says after this step, where that is not what follows from the rest. */
  readonly marks?: SecretMarks
  readonly keepsPending?: boolean
  /** The previous secrets end with this step, because spec.rotation.revokePrevious asks for it. */
  readonly revoked?: boolean
  /** Since when replicas are waited for, epoch milliseconds. */
  readonly since?: number
}

/** @returns the plan: the decision, and what the Secret, the status and the clock make of it */
export function plan(input: RotationInput, made: Decision): RotationPlan {
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
      ...present('activeId', published?.id ?? input.status.activeId),
      ...present('lastRotated', lastRotated),
      ...present('nextRotation', schedule && Math.max(schedule.beginsAt, schedule.dueAt)),
      observed,
      previous: previous.map(({ id, notAfter }) => ({
        id,
        ...present('expiresAt', notAfter),
        ...present('lastUsed', input.usage.lastUsed[id]),
      })),
    },
  }
}

function healthOf(input: RotationInput, made: Decision): RotationPlan['health'] {
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
function wakeAt(input: RotationInput, made: Decision): number | undefined {
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
