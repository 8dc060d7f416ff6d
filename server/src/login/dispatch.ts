import type { Attempt, Form, Step, StepOutcome } from './attempt/attempt.ts'

export type Dispatch = (attempt: Attempt) => Promise<Exclude<StepOutcome, { kind: 'passed' }>>

/** Goes through all steps at every request, so that none can be skipped. What the person has proved is in the encrypted cookie of the
 *  interaction; everything else is checked again. */
export function createDispatch(steps: readonly Step[]): Dispatch {
  return async (attempt) => {
    const outcome = await goThrough(steps, attempt)
    if (outcome.kind === 'passed') throw new TypeError('no step has ended the sign-in')
    return outcome
  }
}

/** Carries out a form only when the steps before its own are passed: anybody can send a form without its page. Otherwise it leads to the
 *  page of the first step that is not passed. */
export function guardForm(before: readonly Step[], form: Form): Form {
  return async (attempt) => {
    const outcome = await goThrough(before, attempt)
    return outcome.kind === 'passed' ? form(outcome.attempt) : { kind: 'unchanged' }
  }
}

async function goThrough(steps: readonly Step[], attempt: Attempt): Promise<StepOutcome> {
  let at = attempt
  for (const step of steps) {
    const outcome = await step.run(at)
    if (outcome.kind !== 'passed') return outcome
    at = outcome.attempt
  }
  return { kind: 'passed', attempt: at }
}
