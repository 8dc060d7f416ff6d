import type { RememberedAccount, RememberedAccounts } from '../../oidc/remembered-accounts.ts'
import type { Page } from '../../reply.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Attempt, FormOutcome, KnownAccount, Step, StepOutcome } from '../attempt/attempt.ts'

interface Needs {
  readonly remembered: Pick<RememberedAccounts, 'read' | 'remove'>
}

/** Finds out whose sign-in it is: the account that signed in during this interaction, or else the account of the session, unless the client
 *  or the person wants another sign-in. With `prompt=select_account` the person is asked whether to go on with the session, or as whom of
 *  those whom this browser remembers; whoever wants another account chooses among these too. A name that is chosen proves nothing. */
export const createFindAccount = (needs: Needs): Step => ({
  run: (attempt) => take(needs, attempt),
  forms: { account: (attempt) => chooseAccount(needs, attempt), switch: () => switchAccount(), cancel },
})

async function take(needs: Needs, attempt: Attempt): Promise<StepOutcome> {
  const { progress, prompt, session, stepUp } = attempt.interaction
  if (progress.signedIn) return passed(attempt, progress.signedIn)
  const isAsked = prompt.name === 'select_account' && !progress.sessionChosen
  // `login`: the library wants a new sign-in (no session, max_age, prompt=login, another account in id_token_hint)
  const goesOn = session && !progress.switching && (prompt.name !== 'login' || stepUp)
  if (goesOn && !isAsked) return passed(attempt, session)
  // to link an account, the person has to prove it
  const isChosen = progress.wanted !== undefined || progress.linking !== undefined
  if (isChosen || (!isAsked && !progress.switching)) return passed(attempt, undefined)
  const known = goesOn ? session : undefined
  const others = needs.remembered
    .read(attempt.request.raw)
    .filter(({ username }) => username !== session?.person.username)
  if (known === undefined && others.length === 0) return passed(attempt, undefined)
  return { kind: 'ask', page: chooseAccountPage(attempt, known, others) }
}

function chooseAccountPage(
  { interaction, paths }: Attempt,
  known: KnownAccount | undefined,
  others: readonly RememberedAccount[],
): Page {
  return {
    ...pageOf(interaction, known?.person),
    view: 'choose-account',
    model: {
      client: interaction.client,
      action: paths.form('account'),
      cancelAction: paths.form('cancel'),
      person: known?.person,
      others,
    },
  }
}

function passed(attempt: Attempt, account: KnownAccount | undefined): StepOutcome {
  return { kind: 'passed', attempt: { ...attempt, account } }
}

/** Field `choice`: `continue` with the session's account, or `other`; field `account`: the name of one that is remembered; field
 *  `forget`: one that should not be any more. */
async function chooseAccount({ remembered }: Needs, attempt: Attempt): Promise<FormOutcome> {
  const { form, raw } = attempt.request
  const { progress } = attempt.interaction
  const forgotten = form.get('forget')
  if (forgotten !== null) {
    remembered.remove(raw, forgotten)
    return { kind: 'unchanged' }
  }
  if (form.get('choice') === 'continue') return { kind: 'go-on', progress: { ...progress, sessionChosen: true } }
  return { kind: 'go-on', progress: { switching: true, wanted: form.get('account') ?? '' } }
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
