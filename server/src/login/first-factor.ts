import type { Attempt, Step, StepOutcome } from './attempt.ts'
import { createPasswordForm } from './password.ts'
import { signInPage } from './sign-in-page.ts'

/** Asks until the account is known: by a password. Another way to sign in is another form of the same page. */
export const createFirstFactor = (needs: Parameters<typeof createPasswordForm>[0]): Step => ({
  take,
  forms: { 'sign-in': createPasswordForm(needs) },
})

function take(attempt: Attempt): StepOutcome {
  if (attempt.account) return { kind: 'passed', attempt }
  const { said } = attempt.interaction.progress
  return { kind: 'ask', page: signInPage(attempt, { mistakes: said?.mistakes ?? [], username: said?.username }) }
}
