// What is late with clients, counted over all of them for the metrics.
import type { OIDCClient } from '../api/oidc-client.ts'
import { listsSecrets } from '../decide/secret/listed-secrets.ts'
import { timeText } from '../decide/status/finding.ts'

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
    const conditions = status?.conditions ?? []
    const ready = conditions.find(({ type }) => type === 'Ready')
    const since = ready?.lastTransitionTime ?? metadata.creationTimestamp
    const cause = conditions.some(({ type, status: is }) => ofObject.includes(type) && is !== 'True')
      ? 'object'
      : 'release'
    if (ready?.status !== 'True' && since < unreadyBefore) unready[cause]++
    const { nextRotation } = status?.secret ?? {}
    // who lists secrets rotates them
    if (listsSecrets({ spec })) continue
    const isLate =
      (nextRotation !== undefined && nextRotation < lateBefore) ||
      conditions.some(
        ({ type, status: is, reason }) => type === 'RotationHealthy' && is === 'False' && lateReasons.includes(reason),
      )
    if (cause === 'release' && isLate) rotations++
  }
  return { unready, rotations, retirements: memories.countEndingSince(now - patienceMs.late) }
}
