import type { FactorKind } from '../../factor-kind.ts'
import { hasTwoFactors, withSecondFactor } from '../../oidc/acr.ts'
import type { Interaction, Interactions, Progress, SignedIn } from '../../oidc/interaction/interaction.ts'
import type { Page } from '../../reply.ts'
import type { Mistake } from '../../reply/on-page.ts'
import { checkProof, proofs, proofsOnPage } from '../../users/factors/factor-kinds.ts'
import type { CheckProof, FactorProofNeeds, ProofOutcome } from '../../users/factors/factor-kinds.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Attempt, Form, FormOutcome, KnownAccount, Step } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import { linkingOf } from '../attempt/linking.ts'

interface Needs extends FactorProofNeeds {
  readonly interactions: Pick<Interactions, 'factorsFor'>
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
    return { kind: 'ask', page: await secondFactorPage(needs, attempt, account, kinds) }
  },
  forms: Object.fromEntries(Object.entries(proofs).map(([form, check]) => [form, formOf(needs, check)])),
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

async function secondFactorPage(
  needs: Needs,
  { interaction, paths }: Attempt,
  { person }: KnownAccount,
  kinds: readonly FactorKind[],
): Promise<Page> {
  return {
    ...pageOf(interaction, person),
    view: 'second-factor',
    model: {
      client: interaction.client,
      person,
      cancelAction: paths.form('cancel'),
      ...(await proofsOnPage(needs, kinds, interaction.uid, paths.form)),
      mistakes: interaction.progress.said?.mistakes ?? [],
    },
  }
}

/** @throws CodedError STORE_UNAVAILABLE */
const formOf =
  (needs: Needs, check: CheckProof): Form =>
  async (attempt) => {
    const { request, interaction } = attempt
    const account = accountOf(attempt)
    if (account === undefined || hasTwoFactors(account.amr)) return { kind: 'unchanged' }
    const outcome = await checkProof(needs, check, {
      fields: request.form,
      userId: account.accountId,
      boundTo: interaction.uid,
      about: auditFields(request, interaction),
      languages: [...interaction.uiLocales, ...request.languages],
    })
    switch (outcome.kind) {
      case 'passed':
        return {
          kind: 'go-on',
          progress: { ...linkingOf(interaction.progress), ...proved(account, ...outcome.methods) },
        }
      case 'refused':
        return { kind: 'mistaken', mistakes: [outcome.mistake] }
      case 'wrong':
        return countWrong(interaction.progress, outcome)
    }
  }

/** The person who has to prove the second factor: who signed in here, otherwise the session's, when the sign-in goes on with it. */
function accountOf({ account: known, interaction }: Attempt): Progress['signedIn'] {
  const { progress, session } = interaction
  if (progress.signedIn !== undefined || known === undefined || session === undefined) return progress.signedIn
  const { uid: beside, remember = false, ...account } = session
  return { ...account, beside, remember }
}

/** `auth_time` stays the time of the password, the older of the two proofs. */
const proved = (account: NonNullable<Progress['signedIn']>, ...method: string[]): Progress => ({
  signedIn: { ...account, amr: withSecondFactor(account.amr, ...method) },
})

function countWrong(progress: Progress, { reason, control }: Extract<ProofOutcome, { kind: 'wrong' }>): FormOutcome {
  const wrongCodes = (progress.wrongCodes ?? 0) + 1
  // back to the password, also when the sign-in began with a session that needed only a second factor
  if (wrongCodes >= mostWrongCodes) {
    const mistakes = [{ key: 'too-many-codes', values: { tries: mostWrongCodes } }]
    return { kind: 'go-on', progress: { switching: true, wanted: '', said: { mistakes } } }
  }
  const mistake: Mistake = { key: reason, control, values: { left: mostWrongCodes - wrongCodes } }
  return { kind: 'go-on', progress: { ...progress, wrongCodes, said: { mistakes: [mistake] } } }
}
