// What a sign-in knows of whoever signed in here.
import type { Interaction, Login } from '../../oidc/interaction/interaction.ts'
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
  interaction: Interaction,
  { user, standing, factors }: Pick<LoadedAccount, 'user' | 'standing' | 'factors'>,
  how: Pick<Login, 'amr' | 'attempt' | 'remember'>,
) => ({
  accountId: user.id,
  authTime: Math.floor(now() / 1000),
  standing,
  beside: besideOf(interaction, user.id),
  factors: factorStanding(secondFactor, { groups: user.groups, factors }),
  passwordChangeRequired: user.passwordChangeRequired,
  person: personOnPage(user),
  ...how,
})

/** The session of an account that is alive while it proves something. */
export const besideOf = ({ session }: Pick<Interaction, 'session'>, accountId: string): Login['beside'] =>
  session?.accountId === accountId ? session.uid : undefined
