// Completes a decision of rotation.ts to the plan: what to write, what to report, when to look again.
import { awaitsDisuse, roomAt, stillUsed, timesOfPrevious } from './previous-secrets.ts'
import { laggingAfterMs, noReplicaWaitMs, overdue, scheduleOf, timesOfAge, waitsForTurn } from './rotation-due.ts'
import type { Scheduled } from './rotation-due.ts'
import { hasNoSecret, isLeftToPrograms, isStillGoing, lastRotatedOf, observedOf } from './rotation-terms.ts'
import type {
  RotationInput,
  RotationPlan,
  RotationState,
  RotationStep,
  SecretMarks,
  StoredVerifier,
} from './rotation-terms.ts'
import { present } from '../client/present.ts'

/** The decision of rotation.ts. */
interface Decision {
  readonly state: RotationState
  /** What the shard must carry, newest first. */
  readonly verifiers: readonly StoredVerifier[]
  readonly step: RotationStep
  /** The one that the application's Secret holds. */
  readonly published?: StoredVerifier | undefined
  /** A fence that the Secret gets with this step. */
  readonly fence?: string
  /** The marks of the Secret after this step, when they do not follow from the rest. */
  readonly marks?: SecretMarks
  readonly keepsPending?: boolean
  /** The previous secrets end with this step, because spec.rotation.revokePrevious asks for it. */
  readonly revoked?: boolean
  /** Since when it waits for replicas, epoch milliseconds. */
  readonly since?: number
  /** A rotation is due, and waits until these have ended. */
  readonly waitsFor?: readonly StoredVerifier[]
}

const previousOf = ({ verifiers, published, state }: Decision): readonly StoredVerifier[] =>
  (state === 'leaving' ? verifiers : verifiers.slice(1)).filter(({ id }) => id !== published?.id)

/** @returns the plan of the decision */
export function plan(input: RotationInput, made: Decision): RotationPlan {
  const { published, step, verifiers } = made
  const schedule = scheduleOf(input)
  const revoke = made.revoked ? input.rotation.revokePrevious : undefined
  const observed = { ...observedOf(input), ...present({ revoke }) }
  const lastRotated = lastRotatedOf(input)
  const previous = previousOf(made)
  const activeId = published?.id ?? (holdsNone(input, made) ? undefined : input.status.activeId)
  const fence = made.fence ?? (input.secret.kind === 'owned' ? input.secret.fence : undefined)
  const held: SecretMarks | undefined = published && {
    secretId: published.id,
    rotatedAt: lastRotated ?? input.now,
    verifiers: [published, ...previous],
    observed,
    ...present({ fence }),
  }
  const marks = made.marks && { ...present({ fence }), ...made.marks }
  return {
    state: made.state,
    verifiers,
    step,
    secret: input.secret.kind === 'owned' || marks ? (marks ?? held) : undefined,
    needed: neededOf(input, published),
    keepsPending: made.keepsPending ?? false,
    isLost: isLost(input, made),
    awaitsDisuse: awaitsDisuse(input, previous),
    wakeAt: wakeAt(input, made, schedule),
    health: healthOf(input, made, schedule),
    report: {
      ...present({
        activeId,
        lastRotated,
        nextRotation: schedule?.beginsAt,
      }),
      lastUsed: input.usage.lastUsed,
      observed,
      // what programs still read in the Secret is the active one
      previous: previous
        .filter(({ id }) => id !== activeId)
        .map(({ id, notAfter }) => ({ id, ...present({ expiresAt: notAfter }) })),
    },
  }
}

/** Whether the application's Secret holds no secret any more: servers that serve the earlier version accept it until they have the next one. */
const holdsNone = ({ source }: RotationInput, { verifiers }: Decision): boolean =>
  hasNoSecret(source) && !isLeftToPrograms(source, verifiers)

/** A given secret is in use as soon as its Secret holds it. */
function neededOf({ source }: RotationInput, published: StoredVerifier | undefined): readonly string[] {
  const given = source.kind === 'existing' ? source.secret : undefined
  return [...new Set([published, given].flatMap((one) => one?.id ?? []))]
}

function healthOf(input: RotationInput, made: Decision, schedule: Scheduled | undefined): RotationPlan['health'] {
  if (made.step.kind === 'await-replicas' && made.since !== undefined && input.now - made.since > laggingAfterMs) {
    const who =
      input.replicas.unreachable > 0
        ? `${input.replicas.unreachable} of ${input.replicas.total} replicas do not answer`
        : 'not every replica has the new secret'
    return { ok: false, reason: 'ReplicasLagging', message: `${who}; the old secret stays, nothing is published` }
  }
  const late = overdue(input, schedule, whyLate(input, made))
  if (late) return late
  const used = stillUsed(input, previousOf(made))
  if (used !== undefined) return { ok: false, reason: 'PreviousSecretStillUsed', message: used }
  return { ok: true, ...present({ waits: made.waitsFor ? waitingFor(made.waitsFor) : waitsForTurn(input) }) }
}

/** What keeps a rotation from its publication. */
function whyLate(input: RotationInput, { state, waitsFor, step }: Decision): string {
  if (state === 'listed') return 'list a new secret in spec.secret.verifiers'
  if (waitsFor) return 'waits until the previous secret retires'
  if (step.kind === 'blocked') return 'it cannot begin; see SecretReady and Propagated'
  return waitsForTurn(input) ?? 'its new secret is on its way to the servers'
}

/** Why a requested rotation cannot begin yet. */
function waitingFor(previous: readonly StoredVerifier[]): string {
  const until = previous.map(({ id, notAfter }) =>
    notAfter === undefined
      ? `secret ${id} ends`
      : `secret ${id} ends, at ${new Date(notAfter).toISOString()} at the latest`,
  )
  return `the next rotation waits until ${until.join(' and ')}; to end that now, change spec.rotation.revokePrevious`
}

/** Whether the Secret held a minted secret and no longer does. */
function isLost({ source, secret, status }: RotationInput, { published }: Decision): boolean {
  const isThereToSee = !hasNoSecret(source) && (secret.kind === 'absent' || secret.kind === 'owned')
  return published === undefined && status.activeId !== undefined && isThereToSee
}

/** While a terminating pod may answer with the secrets of before: look again after this long. Milliseconds. */
export const goingAgainMs = 2_000

/** The earliest instant at which time alone changes the plan. */
function wakeAt(input: RotationInput, made: Decision, schedule: Scheduled | undefined): number | undefined {
  const { now } = input
  const times = [
    ...made.verifiers.map(({ notAfter }) => notAfter),
    schedule?.isOpen === false ? schedule.beginsAt : undefined,
    ...timesOfAge(input, schedule),
    ...timesOfPrevious(input, previousOf(made)),
    ...(made.step.kind === 'blocked' && made.step.why === 'no-room' ? [roomAt(input)] : []),
    ...(made.step.kind === 'await-replicas' && made.since !== undefined
      ? [made.since + (input.replicas.total === 0 ? noReplicaWaitMs : laggingAfterMs + 1)]
      : []),
    // a terminating pod may end much earlier, and no replica reports that
    ...(made.step.kind === 'await-replicas' && isStillGoing(input.replicas.goingUntil, now)
      ? [now + goingAgainMs]
      : []),
  ].filter((time): time is number => time !== undefined && time > now)
  return times.length > 0 ? Math.min(...times) : undefined
}
