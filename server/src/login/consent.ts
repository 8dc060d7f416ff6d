import type { Interactions } from '../oidc/interaction/interaction.ts'
import { languagesOf } from './attempt.ts'
import type { Attempt, Step, StepOutcome } from './attempt.ts'

/** Asks the person to agree to what the client wants and has not been given before. */
export function createConsent(needs: { interactions: Pick<Interactions, 'missingConsent'> }): Step {
  return async (attempt: Attempt): Promise<StepOutcome> => {
    const { account, interaction, paths, agreed } = attempt
    if (!account) return { kind: 'passed', attempt }
    const { scopes, canRemember } = await needs.interactions.missingConsent(interaction, account)
    if (scopes.length === 0) return { kind: 'passed', attempt }
    // what is asked is worked out anew from the request, never taken from the form
    if (agreed) {
      return { kind: 'passed', attempt: { ...attempt, consent: { scopes, remember: agreed.remember && canRemember } } }
    }
    return {
      kind: 'ask',
      page: {
        kind: 'page',
        view: 'consent',
        languages: languagesOf(interaction, account.person),
        formTargets: [interaction.redirectUri],
        model: {
          client: interaction.client,
          action: paths.consent,
          switchAction: paths.switch,
          person: account.person,
          scopes,
          canRemember,
          destination: destinationOf(interaction.redirectUri),
        },
      },
    }
  }
}

/** What a person can recognise of a redirect URI: its host, or the scheme of an application on the device. */
function destinationOf(redirectUri: string): string {
  const url = new URL(redirectUri)
  return url.host === '' ? url.protocol : url.host
}
