import type { Interaction, Progress } from '../oidc/interaction/interaction.ts'
import type { Mistake, PageRequest } from '../reply.ts'
import type { UserSources } from '../users/user-sources.ts'
import { auditFields } from './audit-fields.ts'

export type ChangePasswordOutcome =
  /** With what the sign-in goes on. */
  | { readonly kind: 'changed'; readonly authTime: number; readonly standing: string }
  | { readonly kind: 'mistaken'; readonly mistakes: readonly Mistake[] }
  /** The password that was proved here is none any more. */
  | { readonly kind: 'ended' }

/** Takes the fields `new-password` and `repeat-password` of a forced change.
 *  @throws CodedError STORE_UNAVAILABLE */
export function createChangePassword(needs: { users: Pick<UserSources, 'changePassword'> }) {
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
      standing: account.standing ?? '',
      event: {
        ...auditFields(request, interaction),
        event: 'password.changed',
        outcome: 'success',
        reason: 'required',
        userId: account.accountId,
      },
    })
    switch (outcome.kind) {
      case 'changed': {
        // the change ended every session of before; this sign-in begins now
        const authTime = Math.floor(outcome.since.getTime() / 1000)
        return { kind: 'changed', authTime, standing: outcome.standing }
      }
      case 'refused':
        return mistaken(...outcome.faults.map(({ code }) => ({ key: `password-${code}`, control: 'new-password' })))
      case 'ended':
        return { kind: 'ended' }
    }
  }
}

function mistaken(...mistakes: Mistake[]): ChangePasswordOutcome {
  return { kind: 'mistaken', mistakes }
}
