// Gathers the input of a rotation from client, shard, Secret and replicas, and plans it.
import { annotations } from '@nauthera/proto/names'
import { tenantOf, tenantText } from '@nauthera/rules/tenants'
import { durationMs } from '../api/duration.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { timeOf } from '../api/time-text.ts'
import type { Effective } from '../decide/client/apply-defaults.ts'
import { lastUses } from '../decide/status/last-use.ts'
import type { Propagation } from '../decide/status/propagation.ts'
import { planRotation } from '../decide/secret/rotation.ts'
import { present } from '../decide/client/present.ts'
import type { Observed, RotationInput, RotationPlan } from '../decide/secret/rotation-terms.ts'
import { longestObserved } from '../decide/secret/secret-marks.ts'
import { isOfClient, verifiersOf } from '../shards/client-entry.ts'
import type { Clock } from '../time/clock.ts'
import type { KnownSecret } from './look.ts'
import { movedEntry } from './moved-entry.ts'
import type { SecretOutlet } from './outlet.ts'
import type { Spacing } from './spacing.ts'

/** @param needs.quietPeriodMs how long a previous secret must be unused before WhenUnused ends it */
export function createPlanNext(needs: {
  shards: Pick<SecretOutlet['shards'], 'stored' | 'endedIds'>
  replicas: SecretOutlet['replicas']
  follow: Pick<SecretOutlet['follow'], 'entry'>
  spacing: Pick<Spacing, 'waitMs' | 'leave'>
  quietPeriodMs: number
  clock: Pick<Clock, 'now'>
}): (known: KnownSecret) => RotationPlan {
  const { shards, replicas, follow } = needs
  return ({ key, judgement, memory, source, read }) => {
    const { client, serve } = judgement
    const stored = shards.stored(key)?.entry
    const entry =
      stored && isOfClient(stored, { uid: memory.uid, restoredFrom: memory.restoredFrom }) ? stored : undefined
    // what the object of before has is valid here too, so that no program that uses it is refused
    const known = entry ?? movedEntry(client, shards)
    const verifiers = known && verifiersOf(known)
    const propagation = entry && follow.entry(key)
    const input: RotationInput = {
      source,
      rotation: rotationOf(judgement, needs.quietPeriodMs),
      serving: serve.kind !== 'nothing',
      secret: read.state,
      verifiers,
      pending: memory.pending?.secret,
      endedIds: shards.endedIds?.(key) ?? [],
      replicas: {
        total: propagation?.total ?? replicas.list().length,
        serving: isServing(propagation, entry?.accepted !== undefined),
        unreachable: propagation?.unreachable.length ?? 0,
        goingUntil: replicas.goingUntil(),
      },
      usage: {
        knownSince: replicas.usesKnownSince(key),
        lastUsed: lastUses(client.status, idsOf(verifiers), (id) => replicas.lastUsed(key, id)),
      },
      status: statusOf(client),
      ...present({ lostSince: memory.lostSince }),
      now: needs.clock.now(),
    }
    const plan = planRotation(input)
    if (plan.step.kind !== 'mint' || plan.step.dueAt === undefined) {
      needs.spacing.leave(key)
      return plan
    }
    const tenant = tenantText(tenantOf(client.metadata))
    const waitMs = needs.spacing.waitMs({ key, tenant, spacings: judgement.spacings, dueAt: plan.step.dueAt })
    return waitMs === undefined ? plan : planRotation({ ...input, notBefore: input.now + waitMs })
  }
}

/** Whether each replica has the entry and serves the client. */
function isServing(propagation: Propagation | undefined, hasAccepted: boolean): boolean {
  return propagation !== undefined && propagation.applied && (propagation.rejected.length === 0 || hasAccepted)
}

const idsOf = (verifiers: readonly { readonly id: string }[] = []): readonly string[] => verifiers.map(({ id }) => id)

/** The default overlap of a given secret. Milliseconds. */
const ownOverlapMs = 3_600_000

/** @returns the rotation of the client, in milliseconds */
export function rotationOf(effective: Effective, quietPeriodMs: number): RotationInput['rotation'] {
  const { rotation } = effective.client.spec
  // the annotation is cut to the length that the status can store
  const annotation = effective.client.metadata.annotations?.[annotations.rotate]?.slice(0, longestObserved.annotation)
  const intervalMs = durationMs(rotation?.interval)
  // the application may read its given secret before us
  const isOwn = effective.client.spec.secret?.existingSecretRef !== undefined
  const overlapMs = durationMs(rotation?.overlap) ?? (isOwn ? ownOverlapMs : undefined)
  const window = rotation?.window
  return {
    ...present({ intervalMs, overlapMs }),
    ...(window
      ? {
          window: {
            schedule: window.schedule,
            durationMs: durationMs(window.duration) ?? 0,
            ...present({ timeZone: window.timeZone }),
          },
        }
      : {}),
    retire: rotation?.retire ?? 'WhenUnused',
    ...present({ trigger: rotation?.trigger, revokePrevious: rotation?.revokePrevious, annotation }),
    maxOverlapMs: effective.maxOverlapMs,
    quietPeriodMs,
  }
}

/** @returns the secret's state in the status, for when the Secret is lost */
export function statusOf(client: OIDCClient): RotationInput['status'] {
  const secret = client.status?.secret
  const observed: Observed = {
    ...present({
      trigger: secret?.observedTrigger,
      annotation: secret?.observedAnnotation,
      revoke: secret?.observedRevoke,
    }),
  }
  return {
    ...present({
      listed: client.status?.verifiers?.map(({ id }) => id),
      activeId: secret?.activeId,
      lastRotated: timeOf(secret?.lastRotated),
    }),
    observed,
  }
}
