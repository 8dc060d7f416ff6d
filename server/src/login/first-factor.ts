import type { Mistake, Page } from '../reply.ts'
import type { Attempt, StepOutcome } from './attempt.ts'

/** Asks for a password until an account is known. Passkeys and upstream providers come in here as further ways. */
export function firstFactor(attempt: Attempt): StepOutcome {
  if (attempt.account) return { kind: 'passed', attempt }
  const { said } = attempt.interaction.progress
  return { kind: 'ask', page: signInPage(attempt, { mistakes: said?.mistakes ?? [], username: said?.username }) }
}

/** @param said what went wrong, and the user name as typed */
export function signInPage(
  attempt: Attempt,
  said: { mistakes: readonly Mistake[]; username?: string | undefined; retryAfter?: number; status?: number },
): Page {
  const { interaction, paths } = attempt
  const { session, progress, loginHint, prompt } = interaction
  const known = progress.switching ? undefined : session?.person.username
  return {
    kind: 'page',
    view: 'sign-in',
    languages: interaction.uiLocales,
    formTargets: [interaction.redirectUri],
    ...(said.status === undefined ? {} : { status: said.status }),
    ...(said.retryAfter === undefined ? {} : { retryAfter: said.retryAfter }),
    model: {
      client: interaction.client,
      action: paths.signIn,
      cancelAction: paths.cancel,
      username: said.username ?? known ?? (progress.switching ? '' : (loginHint ?? '')),
      remember: false,
      reason: prompt.reasons.includes('session_ended') ? 'ended' : known === undefined ? undefined : 'again',
      mistakes: said.mistakes,
    },
  }
}
