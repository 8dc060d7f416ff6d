// What is late with clients, counted over all of them for the metrics.
import { findCondition } from '../api/conditions.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { timeText } from '../api/time-text.ts'
import { listsSecrets } from '../decide/secret/listed-secrets.ts'

export interface Overdue {
  /** Clients that are not Ready, by who can fix it: the owner of the object, or we. */
  readonly unready: { readonly object: number; readonly release: number }
  /** Clients whose rotation should have begun, or waits for a replica. */
  readonly rotations: number
  /** Secrets that have ended, while a server may still accept them. */
  readonly retirements: number
}

/** Nothing is late before. Milliseconds. */
const patienceMs = { unready: 60_000, late: 300_000 }

/** What an owner wrote, or a policy says of it. */
const ofObject: readonly string[] = ['Accepted', 'PolicyCompliant', 'AudiencesGranted']

/** What `RotationHealthy` says of a rotation that is late: the next window does not make up for one that was missed. */
const lateReasons: readonly string[] = ['Overdue', 'WindowMissed', 'ReplicasLagging']

/** @param memories count secrets that ended before a time, while a server may still accept them
 *  @param now epoch milliseconds */
export function countOverdue(
  clients: Iterable<OIDCClient>,
  memories: { countEndingSince(time: number): number },
  now: number,
): Overdue {
  const [unreadyBefore, lateBefore] = [timeText(now - patienceMs.unready), timeText(now - patienceMs.late)]
  const unready = { object: 0, release: 0 }
  let rotations = 0
  for (const { metadata, spec, status } of clients) {
    const [ready, health] = [findCondition(status, 'Ready'), findCondition(status, 'RotationHealthy')]
    const since = ready?.lastTransitionTime ?? metadata.creationTimestamp
    const ofOwner = (status?.conditions ?? []).some((one) => ofObject.includes(one.type) && one.status !== 'True')
    const cause = ofOwner ? 'object' : 'release'
    if (ready?.status !== 'True' && since < unreadyBefore) unready[cause]++
    const { nextRotation } = status?.secret ?? {}
    // who lists secrets rotates them
    if (listsSecrets({ spec })) continue
    const isLate =
      (nextRotation !== undefined && nextRotation < lateBefore) ||
      (health?.status === 'False' && lateReasons.includes(health.reason))
    if (cause === 'release' && isLate) rotations++
  }
  return { unready, rotations, retirements: memories.countEndingSince(now - patienceMs.late) }
}
