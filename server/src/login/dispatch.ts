import type { Attempt, Step, StepOutcome } from './attempt.ts'

export type Dispatch = (attempt: Attempt) => Promise<Exclude<StepOutcome, { kind: 'passed' }>>

/** Goes through all steps at every request, so that none can be skipped. What the person has proved is in the encrypted cookie of the
 *  interaction; everything else is checked again. */
export function createDispatch(steps: readonly Step[]): Dispatch {
  return async (attempt) => {
    let at = attempt
    for (const step of steps) {
      const outcome = await step.take(at)
      if (outcome.kind !== 'passed') return outcome
      at = outcome.attempt
    }
    throw new TypeError('no step has ended the sign-in')
  }
}
