import type { Interactions } from '../oidc/interaction/interaction.ts'
import type { Audit } from '../store/audit.ts'
import { createAccess } from './access.ts'
import type { Attempt, Step, StepOutcome } from './attempt.ts'
import { createConsent } from './consent.ts'
import { findAccount } from './find-account.ts'
import { createFinish } from './finish.ts'
import { firstFactor } from './first-factor.ts'
import { requiredActions } from './required-actions.ts'
import { secondFactor } from './second-factor.ts'

export type Dispatch = (attempt: Attempt) => Promise<Exclude<StepOutcome, { kind: 'passed' }>>

/** The order of a sign-in. It is worked out anew at every request, so a step cannot be jumped: what a person has proved
 *  is in the interaction's sealed cookie, everything else is asked again. */
export function createDispatch(needs: { interactions: Interactions; audit: Pick<Audit, 'record'> }): Dispatch {
  const steps: readonly Step[] = [
    findAccount,
    firstFactor,
    secondFactor,
    requiredActions,
    createAccess(needs),
    createConsent(needs),
    createFinish(needs),
  ]
  return async (attempt) => {
    let at = attempt
    for (const step of steps) {
      const outcome = await step(at)
      if (outcome.kind !== 'passed') return outcome
      at = outcome.attempt
    }
    throw new Error('the last step ends every sign-in')
  }
}
