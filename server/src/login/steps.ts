import type { Interactions } from '../oidc/interaction/interaction.ts'
import type { Audit } from '../store/audit.ts'
import type { UserSources } from '../users/user-sources.ts'
import { createAccess } from './access.ts'
import type { Step } from './attempt.ts'
import { createChangePassword } from './change-password.ts'
import { createConsent } from './consent.ts'
import { findAccount } from './find-account.ts'
import { createFinish } from './finish.ts'
import { createFirstFactor } from './first-factor.ts'

export interface StepNeeds {
  readonly interactions: Interactions
  readonly users: Pick<UserSources, 'tryPassword' | 'changePassword'>
  readonly audit: Pick<Audit, 'record'>
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** The order of a sign-in. A new step is a line here: its forms become routes by themselves. */
export const createSteps = (needs: StepNeeds): readonly Step[] => [
  findAccount,
  createFirstFactor(needs),
  createChangePassword(needs),
  createAccess(needs),
  createConsent(needs),
  createFinish(needs),
]
