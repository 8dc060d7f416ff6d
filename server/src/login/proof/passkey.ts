// A way through the first factor: a passkey.
import type { Audit } from '../../store/audit/audit.ts'
import { passkeyAnswer } from '../../users/factors/passkey-factors.ts'
import type { PasskeyFactors } from '../../users/factors/passkey-factors.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import type { Form, FormOutcome } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import { linkingOf } from '../attempt/linking.ts'
import { signedInAs } from '../attempt/signed-in.ts'

interface Needs {
  readonly passkeys: PasskeyFactors
  readonly users: Pick<UserSources, 'load'>
  readonly secondFactor: SecondFactorPolicy
  readonly audit: Pick<Audit, 'record'>
  /** Epoch milliseconds. */
  readonly now: () => number
}

const passkeyRefused: FormOutcome = { kind: 'mistaken', mistakes: [{ key: 'passkey-refused' }] }

/** Signs in whoever proves a passkey, without a name and a password. Its owner unlocked it, so it is two factors.
 *  @throws CodedError STORE_UNAVAILABLE */
export function createPasskeyForm(needs: Needs): Form {
  const { passkeys, users, audit } = needs
  return async ({ request, interaction }) => {
    const about = auditFields(request, interaction)
    const refuse = (reason: string, userId?: string) => {
      const event = reason === 'disabled' ? 'signin.refused' : 'signin.failure'
      audit.record({ ...about, event, outcome: 'failure', reason: `passkey-${reason}`, userId })
      return passkeyRefused
    }
    const outcome = await passkeys.check(passkeyAnswer(request.form), interaction.uid)
    if (outcome.kind === 'refused') return refuse(outcome.reason, outcome.userId)
    const account = await users.load({ userId: outcome.userId })
    if (account === undefined || account.user.disabled) return refuse('disabled', outcome.userId)
    const remember = request.form.get('remember') === 'on'
    const { standing, methods } = outcome
    const signedIn = signedInAs(needs, interaction, { ...account, standing }, { amr: [...methods, 'mfa'], remember })
    return { kind: 'go-on', progress: { ...linkingOf(interaction.progress), signedIn } }
  }
}
