// Which secrets have ended, so that a server which has not heard of it may still accept them.
import type { OIDCClientStatus } from '../../api/client-status.ts'
import { present } from '../client/present.ts'
import type { RotationPlan } from '../secret/rotation-terms.ts'
import { timeText } from '../../api/time-text.ts'

/** As the status shows one. */
export type PreviousSecret = NonNullable<NonNullable<OIDCClientStatus['secret']>['previous']>[number]

/** How many the definition has room for. */
export const mostPrevious = 5

/** An end that is past ends nothing yet: a server may not have heard that it was moved to an earlier time.
 *  @param status as it was written last
 *  @param plan undefined: nothing was decided
 *  @param isRefused by every server
 *  @returns those that the status names, that the plan has dropped, and that a server may still accept */
export function endingSecrets(
  status: OIDCClientStatus | undefined,
  plan: Pick<RotationPlan, 'verifiers' | 'report'> | undefined,
  { now, isRefused }: { readonly now: number; readonly isRefused: (id: string) => boolean },
): readonly PreviousSecret[] {
  const { activeId, previous = [] } = status?.secret ?? {}
  const isReplaced = activeId !== undefined && plan !== undefined && plan.report.activeId !== activeId
  const listed = (status?.verifiers ?? []).map(({ id, notAfter, lastUsed }): PreviousSecret => {
    return { id, ...present({ expiresAt: notAfter, lastUsed }) }
  })
  const replaced = isReplaced ? [{ id: activeId, ...usedAt(plan.report.lastUsed[activeId]) }] : []
  const named = [...previous, ...replaced, ...(plan ? listed : [])]
  const live = plan?.verifiers.filter(({ notAfter = Infinity }) => notAfter > now) ?? []
  const isKept = ({ id }: PreviousSecret): boolean =>
    [...live, ...(plan?.report.previous ?? [])].some((one) => one.id === id)
  return named.filter(
    (one, at) => !isKept(one) && named.findIndex(({ id }) => id === one.id) === at && !isRefused(one.id),
  )
}

const usedAt = (at: number | undefined): Pick<PreviousSecret, 'lastUsed'> =>
  present({ lastUsed: at === undefined ? undefined : timeText(at) })
