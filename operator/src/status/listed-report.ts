// What replicas say of the secrets that a client lists.
import type { OIDCClient } from '../api/oidc-client.ts'
import { isStillGoing } from '../decide/secret/rotation-terms.ts'
import type { RotationPlan } from '../decide/secret/rotation-terms.ts'
import type { Outcome } from '../decide/status/outcome.ts'
import { lastUses } from '../decide/status/last-use.ts'
import type { ListedReport } from '../decide/status/observations.ts'
import type { FollowReplicas } from '../replicas/follow-replicas.ts'
import type { Replicas } from '../replicas/replicas.ts'
import type { Clock } from '../time/clock.ts'

/** A pod that terminates may still answer without a secret that is new. */
export function listedReport(
  needs: {
    readonly replicas: Pick<Replicas, 'goingUntil' | 'lastUsed' | 'usesKnownSince'>
    readonly follow: Pick<FollowReplicas, 'accepts'>
    readonly clock: Pick<Clock, 'now'>
  },
  { key, client, plan }: { readonly key: string; readonly client: OIDCClient; readonly plan: RotationPlan | undefined },
): ListedReport {
  const { replicas, follow, clock } = needs
  const before = client.status?.verifiers ?? []
  const ids = [...new Set([...before, ...(plan?.listed?.verifiers ?? [])].map(({ id }) => id))]
  const isNew = (id: string): boolean => !before.some((one) => one.id === id && one.acceptedByAll)
  const isGoing = isStillGoing(replicas.goingUntil(), clock.now())
  return {
    accepted: new Set(ids.filter((id) => follow.accepts(key, id) && !(isGoing && isNew(id)))),
    lastUsed: lastUses(client.status, ids, (id) => replicas.lastUsed(key, id)),
    usesKnownSince: replicas.usesKnownSince(),
  }
}

/** Whether a listed secret only waits for pods that terminate: nothing tells when they have. */
export const isAwaitingPods = ({ rotation, listed, now }: Outcome, goingUntil: number | undefined): boolean =>
  isStillGoing(goingUntil, now) &&
  rotation?.listed !== undefined &&
  rotation.needed.some((id) => !listed.accepted.has(id))
