import type { Mistake, Page } from '../reply.ts'
import type { Attempt } from './attempt.ts'

/** @param said what was wrong the last time, and the user name as typed */
export function signInPage(
  { interaction, paths, offers }: Attempt,
  said: { mistakes: readonly Mistake[]; username?: string | undefined; retryAfter?: number; status?: number },
): Page {
  const { session, progress, loginHint, prompt } = interaction
  const known = progress.switching ? undefined : session?.person.username
  const hinted = progress.switching ? undefined : loginHint
  return {
    kind: 'page',
    view: 'sign-in',
    languages: interaction.uiLocales,
    formTargets: [interaction.redirectUri],
    status: said.status,
    retryAfter: said.retryAfter,
    model: {
      client: interaction.client,
      action: paths.form('sign-in'),
      cancelAction: paths.form('cancel'),
      username: said.username ?? known ?? hinted ?? '',
      reason: prompt.reasons.includes('session_ended') ? 'ended' : known === undefined ? undefined : 'again',
      forgotUrl: offers.reset ? paths.forgot(interaction.client.clientId) : undefined,
      registerUrl: offers.registration ? paths.register : undefined,
      mistakes: said.mistakes,
    },
  }
}
