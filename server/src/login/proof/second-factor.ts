import { hasTwoFactors, withSecondFactor } from '../../oidc/acr.ts'
import type {
  Interaction,
  Interactions,
  Progress,
  SessionAccount,
  SignedIn,
} from '../../oidc/interaction/interaction.ts'
import type { Page } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { CodeOutcome, SecondFactors } from '../../users/factors/second-factors.ts'
import type { PasskeyFactors, PasskeyOffer } from '../../users/factors/passkey-factors.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Attempt, Form, FormOutcome, KnownAccount, Step } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import { linkingOf } from '../attempt/linking.ts'
import { passkeyAnswer, passkeyRefused } from './passkey.ts'

interface Needs {
  readonly interactions: Pick<Interactions, 'factorsFor'>
  readonly secondFactors: Pick<SecondFactors, 'checkCode' | 'consumeRecoveryCode'>
  readonly passkeys: PasskeyFactors
  readonly audit: Pick<Audit, 'record'>
}

/** After so many wrong codes the sign-in starts over. The database also counts them for the account. */
const mostWrongCodes = 5

/** Asks a person who has a second factor for it: after each sign-in, and when a session goes on at a client that wants more. */
export const createSecondFactor = (needs: Needs): Step => ({
  async run(attempt) {
    const { account, interaction } = attempt
    if (!account) return { kind: 'passed', attempt }
    if (!(await asksSecondFactor(needs, interaction, account))) return { kind: 'passed', attempt }
    const { kinds } = await needs.interactions.factorsFor(interaction, account)
    const passkey = kinds.includes('passkey') ? await needs.passkeys.offer(interaction.uid) : undefined
    return { kind: 'ask', page: secondFactorPage(attempt, account, { hasApp: kinds.includes('totp'), passkey }) }
  },
  forms: {
    'second-factor': codeForm(needs, 'code'),
    'recovery-code': codeForm(needs, 'recovery-code'),
    'second-passkey': (attempt) => provePasskey(needs, attempt),
  },
})

/** Whether the person must prove a second factor before anything else. */
async function asksSecondFactor(
  { interactions }: Pick<Needs, 'interactions'>,
  interaction: Interaction,
  account: SignedIn,
): Promise<boolean> {
  if (hasTwoFactors(account.amr)) return false
  const { kinds, needed } = await interactions.factorsFor(interaction, account)
  return kinds.length > 0 && (needed || interaction.progress.signedIn !== undefined)
}

function secondFactorPage(
  attempt: Attempt,
  { person }: KnownAccount,
  has: { hasApp: boolean; passkey: PasskeyOffer | undefined },
): Page {
  const { interaction, paths } = attempt
  const mistakes = interaction.progress.said?.mistakes ?? []
  return {
    ...pageOf(interaction, person),
    view: 'second-factor',
    model: {
      client: interaction.client,
      person,
      action: paths.form('second-factor'),
      recoveryAction: paths.form('recovery-code'),
      cancelAction: paths.form('cancel'),
      hasApp: has.hasApp,
      passkey: has.passkey && { ...has.passkey, mode: 'get', action: paths.form('second-passkey') },
      mistakes,
    },
  }
}

/** Takes the field `code` (of the authenticator app) or `recovery-code`.
 *  @throws CodedError STORE_UNAVAILABLE */
function codeForm(needs: Needs, control: 'code' | 'recovery-code'): Form {
  return async (attempt) => {
    const { request, interaction } = attempt
    const account = accountOf(attempt)
    if (account === undefined || hasTwoFactors(account.amr)) return { kind: 'unchanged' }
    const typed = request.form.get(control) ?? ''
    if (typed.trim() === '') return { kind: 'mistaken', mistakes: [{ key: `${control}-missing`, control }] }
    const event = { ...auditFields(request, interaction), userId: account.accountId }
    const outcome =
      control === 'code'
        ? await needs.secondFactors.checkCode(account.accountId, typed)
        : await needs.secondFactors.consumeRecoveryCode(account.accountId, typed, {
            event: { ...event, event: 'factor.recovery_used', outcome: 'success' },
            languages: [...interaction.uiLocales, ...request.languages],
          })
    if (outcome.kind !== 'passed') {
      const reason = outcome.kind === 'locked' ? 'locked' : outcome.reason
      needs.audit.record({ ...event, event: 'factor.failure', outcome: 'failure', reason })
      return refused(attempt, outcome, control)
    }
    return { kind: 'go-on', progress: { ...linkingOf(interaction.progress), ...proved(account, 'otp') } }
  }
}

/** A passkey of the same person. It cannot be guessed, so it is not counted.
 *  @throws CodedError STORE_UNAVAILABLE */
async function provePasskey(needs: Needs, attempt: Attempt): Promise<FormOutcome> {
  const { request, interaction } = attempt
  const account = accountOf(attempt)
  if (account === undefined || hasTwoFactors(account.amr)) return { kind: 'unchanged' }
  const outcome = await needs.passkeys.check(passkeyAnswer(request), interaction.uid, account.accountId)
  if (outcome.kind === 'passed')
    return { kind: 'go-on', progress: { ...linkingOf(interaction.progress), ...proved(account, ...outcome.methods) } }
  const event = { ...auditFields(request, interaction), userId: account.accountId }
  needs.audit.record({ ...event, event: 'factor.failure', outcome: 'failure', reason: `passkey-${outcome.reason}` })
  return passkeyRefused
}

/** The person who has to prove the second factor: who signed in here, otherwise the session's. */
function accountOf({ interaction }: Attempt): Progress['signedIn'] | SessionAccount {
  const { progress, session, stepUp } = interaction
  return progress.signedIn ?? (stepUp && !progress.switching ? session : undefined)
}

/** `auth_time` stays the time of the password, the older of the two proofs. */
const proved = (account: NonNullable<ReturnType<typeof accountOf>>, ...method: string[]): Progress => ({
  signedIn: { ...account, remember: account.remember ?? false, amr: withSecondFactor(account.amr, ...method) },
})

function refused(
  { interaction }: Attempt,
  outcome: Exclude<CodeOutcome, { kind: 'passed' }>,
  control: string,
): FormOutcome {
  const { progress } = interaction
  const wrongCodes = (progress.wrongCodes ?? 0) + 1
  if (outcome.kind === 'locked') {
    const values = { minutes: Math.ceil(outcome.seconds / 60) }
    return { kind: 'mistaken', mistakes: [{ key: 'codes-locked', control, values }] }
  }
  // back to the password, also when the sign-in began with a session that needed only a second factor
  if (wrongCodes >= mostWrongCodes) {
    const mistakes = [{ key: 'too-many-codes', values: { tries: mostWrongCodes } }]
    return { kind: 'go-on', progress: { switching: true, wanted: '', said: { mistakes } } }
  }
  const mistake: Mistake = { key: outcome.reason, control, values: { left: mostWrongCodes - wrongCodes } }
  return { kind: 'go-on', progress: { ...progress, wrongCodes, said: { mistakes: [mistake] } } }
}
