// What a status says in its conditions.
import type { Condition } from './client-status.ts'

interface WithConditions {
  readonly conditions?: readonly Condition[]
}

export const findCondition = (status: WithConditions | undefined, type: string): Condition | undefined =>
  status?.conditions?.find((one) => one.type === type)

/** @returns whether the condition is there and True */
export const isTrue = (status: WithConditions | undefined, type: string): boolean =>
  findCondition(status, type)?.status === 'True'

/** @returns the condition, when it is about the present generation of the object */
export function findPresentCondition(
  { metadata, status }: { readonly metadata: { readonly generation: number }; readonly status?: WithConditions },
  type: string,
): Condition | undefined {
  const found = findCondition(status, type)
  return (found?.observedGeneration ?? 0) >= metadata.generation ? found : undefined
}
