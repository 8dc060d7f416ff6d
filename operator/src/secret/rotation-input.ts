import { annotations } from '@nauthera/proto/names'
import { durationMs } from '../api/duration.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { longestObserved } from '../decide/secret.ts'
import type { Effective } from '../decide/policy.ts'
import type { Observed, RotationInput } from '../decide/rotation-terms.ts'

/** @returns what the client says about its rotation, in milliseconds */
export function rotationOf(effective: Effective, quietPeriodMs: number): RotationInput['rotation'] {
  const { rotation } = effective.client.spec
  // an annotation may be of any length; of this one counts what the status has room for
  const annotation = effective.client.metadata.annotations?.[annotations.rotate]?.slice(0, longestObserved.annotation)
  const intervalMs = millisecondsOf(rotation?.interval)
  const overlapMs = millisecondsOf(rotation?.overlap)
  const window = rotation?.window
  return {
    ...(intervalMs === undefined ? {} : { intervalMs }),
    ...(overlapMs === undefined ? {} : { overlapMs }),
    ...(window
      ? {
          window: {
            schedule: window.schedule,
            durationMs: millisecondsOf(window.duration) ?? 0,
            ...(window.timeZone === undefined ? {} : { timeZone: window.timeZone }),
          },
        }
      : {}),
    retire: rotation?.retire ?? 'AfterOverlap',
    ...(rotation?.trigger === undefined ? {} : { trigger: rotation.trigger }),
    ...(rotation?.revokePrevious === undefined ? {} : { revokePrevious: rotation.revokePrevious }),
    ...(annotation === undefined ? {} : { annotation }),
    maxOverlapMs: effective.maxOverlapMs,
    quietPeriodMs,
  }
}

/** @returns what the status says about the secret: the fallback when the Secret is gone */
export function statusOf(client: OIDCClient): RotationInput['status'] {
  const secret = client.status?.secret
  const observed: Observed = {
    ...(secret?.observedTrigger === undefined ? {} : { trigger: secret.observedTrigger }),
    ...(secret?.observedAnnotation === undefined ? {} : { annotation: secret.observedAnnotation }),
    ...(secret?.observedRevoke === undefined ? {} : { revoke: secret.observedRevoke }),
  }
  return {
    ...(secret?.activeId === undefined ? {} : { activeId: secret.activeId }),
    ...(secret?.lastRotated === undefined ? {} : { lastRotated: Date.parse(secret.lastRotated) }),
    observed,
  }
}

function millisecondsOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : durationMs(text)
}
