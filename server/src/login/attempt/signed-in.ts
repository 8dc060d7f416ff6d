// What a sign-in knows of whoever signed in here.
import type { Login } from '../../oidc/interaction/interaction.ts'
import { personOnPage } from '../../users/person-on-page.ts'
import { factorStanding } from '../../users/factors/policy.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import type { LoadedAccount } from '../../store/sessions/accounts.ts'

interface Needs {
  readonly secondFactor: SecondFactorPolicy
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What a sign-in knows of a person who has just proved to be this account.
 *  @param how.amr what was proved (RFC 8176) */
export const signedInAs = (
  { secondFactor, now }: Needs,
  { user, standing, factors }: Pick<LoadedAccount, 'user' | 'standing' | 'factors'>,
  how: Pick<Login, 'amr' | 'attempt' | 'remember'>,
) => ({
  accountId: user.id,
  authTime: Math.floor(now() / 1000),
  standing,
  factors: factorStanding(secondFactor, { groups: user.groups, factors }),
  passwordChangeRequired: user.passwordChangeRequired,
  person: personOnPage(user),
  ...how,
})
