import { pageOf } from './attempt.ts'
import type { Attempt, FormOutcome, KnownAccount, Step, StepOutcome } from './attempt.ts'

/** Finds out whose sign-in it is: the account that signed in during this interaction, or else the account of the session, unless the client
 *  or the person wants another sign-in. With `prompt=select_account` the person is asked whether to go on with the session. */
export const findAccount: Step = { take, forms: { account: chooseAccount, switch: switchAccount, cancel } }

function take(attempt: Attempt): StepOutcome {
  const { progress, prompt, session, stepUp } = attempt.interaction
  if (progress.signedIn) return passed(attempt, progress.signedIn)
  // `login`: the library wants a new sign-in (no session, max_age, prompt=login, another account in id_token_hint)
  if (!session || progress.switching || (prompt.name === 'login' && !stepUp)) return passed(attempt, undefined)
  if (prompt.name !== 'select_account' || progress.sessionChosen) return passed(attempt, session)
  return { kind: 'ask', page: chooseAccountPage(attempt, session) }
}

function chooseAccountPage({ interaction, paths }: Attempt, { person }: KnownAccount) {
  return {
    ...pageOf(interaction, person),
    view: 'choose-account',
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

/** "Not you?" and "Use another account", on any page. */
function switchAccount(): FormOutcome {
  return { kind: 'go-on', progress: { switching: true } }
}

/** From any page, so it is a form of the first step: the client is told that there will be no sign-in. */
function cancel(): FormOutcome {
  const description = 'the person cancelled'
  return { kind: 'refused', event: 'authorization.refused', reason: 'cancelled', description }
}
