// What one condition says, and how texts become short enough for it.
import type { Fault } from '@nauthera/runtime/coded-error'
import type { Condition } from '../../api/client-status.ts'
import { timeText } from '../../api/time-text.ts'

export type ConditionFinding = Pick<Condition, 'status' | 'reason' | 'message'>

export const yes = (reason: string, message: string): ConditionFinding => ({ status: 'True', reason, message })
export const no = (reason: string, message: string): ConditionFinding => ({ status: 'False', reason, message })
export const unknown = (reason: string, message: string): ConditionFinding => ({ status: 'Unknown', reason, message })

/** lastTransitionTime moves only with the status, as metav1 says.
 *  @param about.before the conditions that the object has */
export function conditionOf<Type extends string>(
  type: Type,
  { status, reason, message }: ConditionFinding,
  about: { readonly before: readonly Condition[] | undefined; readonly generation: number; readonly now: number },
): Condition & { readonly type: Type } {
  const was = about.before?.find((one) => one.type === type)
  const lastTransitionTime = was?.status === status ? was.lastTransitionTime : timeText(about.now)
  return { type, status, reason, message, lastTransitionTime, observedGeneration: about.generation }
}

export const faultText = (faults: readonly Fault[]): string =>
  shorten(faults.map(({ path, message }) => `${path}: ${message}`).join('; '))

/** The condition's message has 4,096 characters in the CRD, an event 1,024. */
export const shorten = (message: string, most = 1000): string =>
  message.length <= most ? message : `${message.slice(0, most - 3)}...`
