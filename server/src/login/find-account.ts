import { languagesOf } from './attempt.ts'
import type { Attempt, KnownAccount, StepOutcome } from './attempt.ts'

/** Whose sign-in it is: the account proved in this interaction, else the session's, unless the client or the person
 *  wants another answer. With `prompt=select_account` the person is asked whether to go on with it. */
export function findAccount(attempt: Attempt): StepOutcome {
  const { progress, prompt, session } = attempt.interaction
  if (progress.signedIn) return passed(attempt, progress.signedIn)
  // `login`: the library wants a fresh proof (no session, max_age, prompt=login, another account in id_token_hint)
  if (!session || progress.switching || prompt.name === 'login') return passed(attempt, undefined)
  if (prompt.name !== 'select_account' || progress.sessionChosen) return passed(attempt, session)
  const { interaction, paths } = attempt
  return {
    kind: 'ask',
    page: {
      kind: 'page',
      view: 'choose-account',
      languages: languagesOf(interaction, session.person),
      formTargets: [interaction.redirectUri],
      model: { client: interaction.client, action: paths.account, cancelAction: paths.cancel, person: session.person },
    },
  }
}

function passed(attempt: Attempt, account: KnownAccount | undefined): StepOutcome {
  return { kind: 'passed', attempt: { ...attempt, account } }
}
