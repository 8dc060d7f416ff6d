import { readNewPassword, ruleMistakes } from '../../users/passwords/new-password.ts'
import { passwordLength } from '../../users/passwords/passwords.ts'
import type { Page } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Attempt, FormOutcome, KnownAccount, Step, StepOutcome } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import { linkingOf } from '../attempt/linking.ts'

interface Needs {
  readonly users: Pick<UserSources, 'changePassword'>
  readonly audit: Pick<Audit, 'record'>
}

/** Asks for a new password when an administrator wants the person to choose one. */
export const createChangePassword = (needs: Needs): Step => ({
  run: take,
  forms: { password: (attempt) => choosePassword(needs, attempt) },
})

function take(attempt: Attempt): StepOutcome {
  const { signedIn, said } = attempt.interaction.progress
  if (!signedIn?.passwordChangeRequired) return { kind: 'passed', attempt }
  return { kind: 'ask', page: changePasswordPage(attempt, signedIn, said?.mistakes ?? []) }
}

function changePasswordPage(attempt: Attempt, account: KnownAccount, mistakes: readonly Mistake[]): Page {
  const { interaction, paths } = attempt
  return {
    ...pageOf(interaction, account.person),
    view: 'change-password',
    model: {
      client: interaction.client,
      action: paths.form('password'),
      cancelAction: paths.form('cancel'),
      person: account.person,
      minLength: passwordLength.min,
      maxLength: passwordLength.max,
      mistakes,
    },
  }
}

/** Takes the fields `new-password` and `repeat-password`.
 *  @throws CodedError STORE_UNAVAILABLE */
async function choosePassword(needs: Needs, { request, interaction }: Attempt): Promise<FormOutcome> {
  const { signedIn } = interaction.progress
  if (!signedIn?.passwordChangeRequired) return { kind: 'unchanged' }
  const { next, mistakes } = readNewPassword(request.form)
  if (mistakes.length > 0) return { kind: 'mistaken', mistakes }
  const { accountId: userId, standing = '' } = signedIn
  const about = { ...auditFields(request, interaction), userId }
  const event = { ...about, event: 'password.changed', outcome: 'success', reason: 'required' } as const
  const languages = [...interaction.uiLocales, ...request.languages]
  const outcome = await needs.users.changePassword({ userId, next, standing, event, languages })
  switch (outcome.kind) {
    case 'changed': {
      // the change ended all sessions that began before it, so this one begins after it
      const authTime = Math.floor(outcome.since.getTime() / 1000)
      const moved = { authTime, standing: outcome.standing, beside: undefined }
      const proved = { ...signedIn, ...moved, passwordChangeRequired: false }
      return { kind: 'go-on', progress: { ...linkingOf(interaction.progress), signedIn: proved } }
    }
    case 'refused':
      return { kind: 'mistaken', mistakes: ruleMistakes(outcome.faults) }
    case 'ended':
      needs.audit.record({ ...about, event: 'signin.refused', outcome: 'failure', reason: 'ended-meanwhile' })
      return { kind: 'over' }
  }
}
