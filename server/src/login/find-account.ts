import { languagesOf } from './attempt.ts'
import type { Attempt, FormOutcome, KnownAccount, Step, StepOutcome } from './attempt.ts'

/** Whose sign-in it is: the account proved in this interaction, else the session's, unless the client or the person
 *  wants another answer. With `prompt=select_account` the person is asked whether to go on with it. */
export const findAccount: Step = { take, forms: { account: chooseAccount, switch: switchAccount } }

function take(attempt: Attempt): StepOutcome {
  const { progress, prompt, session } = attempt.interaction
  if (progress.signedIn) return passed(attempt, progress.signedIn)
  // `login`: the library wants a fresh proof (no session, max_age, prompt=login, another account in id_token_hint)
  if (!session || progress.switching || prompt.name === 'login') return passed(attempt, undefined)
  if (prompt.name !== 'select_account' || progress.sessionChosen) return passed(attempt, session)
  return { kind: 'ask', page: chooseAccountPage(attempt, session) }
}

function chooseAccountPage({ interaction, paths }: Attempt, { person }: KnownAccount) {
  return {
    kind: 'page',
    view: 'choose-account',
    languages: languagesOf(interaction, person),
    formTargets: [interaction.redirectUri],
    model: { client: interaction.client, action: paths.form('account'), cancelAction: paths.form('cancel'), person },
  } as const
}

function passed(attempt: Attempt, account: KnownAccount | undefined): StepOutcome {
  return { kind: 'passed', attempt: { ...attempt, account } }
}

/** Field `choice`: `continue` with the session's account, or `other`. */
function chooseAccount(attempt: Attempt): FormOutcome {
  if (attempt.request.form.get('choice') !== 'continue') return switchAccount()
  return { kind: 'go-on', progress: { ...attempt.interaction.progress, sessionChosen: true } }
}

/** "Not you?", on any page. */
function switchAccount(): FormOutcome {
  return { kind: 'go-on', progress: { switching: true } }
}
