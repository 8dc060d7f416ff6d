import type { Interactions } from '../../oidc/interaction/interaction.ts'
import type { RememberedAccounts } from '../../oidc/remembered-accounts.ts'
import type { Step } from '../attempt/attempt.ts'

/** The last step: passes the outcome to the protocol, which answers the client. */
export function createFinish(needs: {
  interactions: Pick<Interactions, 'finish'>
  remembered: Pick<RememberedAccounts, 'add'>
}): Step {
  return {
    async run({ interaction, request, consent }) {
      const { signedIn } = interaction.progress
      const login = signedIn && {
        accountId: signedIn.accountId,
        authTime: signedIn.authTime,
        amr: signedIn.amr,
        remember: signedIn.remember,
        attempt: signedIn.attempt,
        standing: signedIn.standing,
        beside: signedIn.beside,
      }
      const outcome = await needs.interactions.finish(request, interaction, { kind: 'signed-in', login, consent })
      if (outcome.kind === 'finished' && signedIn?.remember) needs.remembered.add(request.raw, signedIn.person)
      return outcome.kind === 'finished' ? { kind: 'ended', location: outcome.location } : { kind: 'spent' }
    },
  }
}
