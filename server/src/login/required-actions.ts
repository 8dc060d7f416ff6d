import { passwordLength } from '../users/passwords.ts'
import type { Mistake, Page } from '../reply.ts'
import { languagesOf } from './attempt.ts'
import type { Attempt, KnownAccount, StepOutcome } from './attempt.ts'

/** What a person must do before going on: choose a new password when an administrator set the present one. */
export function requiredActions(attempt: Attempt): StepOutcome {
  const { signedIn, said } = attempt.interaction.progress
  if (!signedIn?.passwordChangeRequired) return { kind: 'passed', attempt }
  return { kind: 'ask', page: changePasswordPage(attempt, signedIn, said?.mistakes ?? []) }
}

function changePasswordPage(attempt: Attempt, account: KnownAccount, mistakes: readonly Mistake[]): Page {
  const { interaction, paths } = attempt
  return {
    kind: 'page',
    view: 'change-password',
    languages: languagesOf(interaction, account.person),
    formTargets: [interaction.redirectUri],
    model: {
      client: interaction.client,
      action: paths.password,
      cancelAction: paths.cancel,
      person: account.person,
      minLength: passwordLength.min,
      maxLength: passwordLength.max,
      mistakes,
    },
  }
}
