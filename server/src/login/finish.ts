import type { Interactions } from '../oidc/interaction/interaction.ts'
import type { Attempt, Step, StepOutcome } from './attempt.ts'

/** The last step: hands the outcome to the protocol, which answers the client. */
export function createFinish(needs: { interactions: Pick<Interactions, 'finish'> }): Step {
  return async (attempt: Attempt): Promise<StepOutcome> => {
    const { interaction, request, consent } = attempt
    const { signedIn } = interaction.progress
    const login = signedIn && {
      accountId: signedIn.accountId,
      authTime: signedIn.authTime,
      amr: signedIn.amr,
      acr: signedIn.acr,
      remember: signedIn.remember,
      attempt: signedIn.attempt,
      standing: signedIn.standing,
    }
    const outcome = await needs.interactions.finish(request, interaction, { kind: 'signed-in', login, consent })
    return outcome.kind === 'finished' ? { kind: 'ended', location: outcome.location } : { kind: 'spent' }
  }
}
