import type { Attempt, Step, StepOutcome } from './attempt.ts'

export type Dispatch = (attempt: Attempt) => Promise<Exclude<StepOutcome, { kind: 'passed' }>>

/** Goes through the steps, anew at every request, so that none can be skipped: what a person has proved is in the
 *  interaction's encrypted cookie, everything else is looked at again. */
export function createDispatch(steps: readonly Step[]): Dispatch {
  return async (attempt) => {
    let at = attempt
    for (const step of steps) {
      const outcome = await step.take(at)
      if (outcome.kind !== 'passed') return outcome
      at = outcome.attempt
    }
    throw new TypeError('the last step ends every sign-in')
  }
}
