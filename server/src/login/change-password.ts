import type { Interaction, Progress } from '../oidc/interaction.ts'
import type { Mistake, PageRequest } from '../reply.ts'
import type { UserSource } from '../users/user-source.ts'
import { auditFields } from './audit-fields.ts'

export type ChangePasswordOutcome =
  { readonly kind: 'changed' } | { readonly kind: 'mistaken'; readonly mistakes: readonly Mistake[] }

/** Takes the fields `new-password` and `repeat-password` of a forced change.
 *  @throws CodedError STORE_UNAVAILABLE */
export function createChangePassword(needs: { users: UserSource }) {
  return async (
    request: PageRequest,
    interaction: Interaction,
    account: NonNullable<Progress['signedIn']>,
  ): Promise<ChangePasswordOutcome> => {
    const next = request.form.get('new-password') ?? ''
    if (next === '') return mistaken({ key: 'new-password-missing', control: 'new-password' })
    if (next !== request.form.get('repeat-password')) {
      return mistaken({ key: 'passwords-differ', control: 'repeat-password' })
    }
    const outcome = await needs.users.changePassword({
      userId: account.accountId,
      next,
      event: {
        ...auditFields(request, interaction),
        event: 'password.changed',
        outcome: 'success',
        reason: 'required',
        userId: account.accountId,
      },
    })
    if (outcome.kind === 'changed') return { kind: 'changed' }
    return mistaken(...outcome.faults.map((fault) => ({ key: `password-${fault.code}`, control: 'new-password' })))
  }
}

function mistaken(...mistakes: Mistake[]): ChangePasswordOutcome {
  return { kind: 'mistaken', mistakes }
}
