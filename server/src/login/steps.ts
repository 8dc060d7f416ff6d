import type { Interactions } from '../oidc/interaction/interaction.ts'
import type { RememberedAccounts } from '../oidc/remembered-accounts.ts'
import type { Audit } from '../store/audit/audit.ts'
import type { LoginLinks } from '../store/people/login-links.ts'
import type { FactorKinds } from '../users/factors/factor-kinds.ts'
import type { SecondFactorPolicy } from '../users/factors/policy.ts'
import type { UserSources } from '../users/sources/user-sources.ts'
import { createAccess } from './consent/access.ts'
import type { Step } from './attempt/attempt.ts'
import { createChangePassword } from './proof/change-password.ts'
import { confirmDevice } from './consent/confirm-device.ts'
import { createConsent } from './consent/consent.ts'
import { createFindAccount } from './proof/find-account.ts'
import { createFinish } from './consent/finish.ts'
import { createFirstFactor } from './proof/first-factor.ts'
import { createLinkAccount } from './proof/link-account.ts'
import { createSecondFactor } from './proof/second-factor.ts'
import { createSetUpFactor } from './proof/set-up-factor.ts'
import type { Federation } from './upstream/federation.ts'

export interface StepNeeds extends FactorKinds {
  readonly interactions: Interactions
  readonly users: Pick<UserSources, 'tryPassword' | 'changePassword' | 'load' | 'isReserved'>
  readonly remembered: RememberedAccounts
  readonly loginLinks: Pick<LoginLinks, 'find' | 'consume'>
  readonly secondFactor: SecondFactorPolicy
  /** The name of this service. */
  readonly title: string
  readonly federation: Federation
  readonly audit: Pick<Audit, 'record'>
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** The steps of a sign-in in their order. For a new step add a line; the routes of its forms follow from it. */
export const createSteps = (needs: StepNeeds): readonly Step[] => [
  confirmDevice,
  createFindAccount(needs),
  createFirstFactor(needs),
  createSecondFactor(needs),
  createChangePassword(needs),
  createSetUpFactor(needs),
  createLinkAccount(needs),
  createAccess(needs),
  createConsent(needs),
  createFinish(needs),
]
