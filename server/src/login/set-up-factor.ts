import { freshFor, hasTwoFactors, withSecondFactor } from '../oidc/acr.ts'
import type { Interactions } from '../oidc/interaction/interaction.ts'
import type { Page } from '../reply.ts'
import type { Audit } from '../store/audit.ts'
import type { SecondFactorPolicy } from '../users/factors/policy.ts'
import { qrCode } from '../users/factors/qr-code.ts'
import type { SecondFactors } from '../users/factors/second-factors.ts'
import { appUri, mintSeed } from '../users/factors/totp.ts'
import { languagesOf } from './attempt.ts'
import type { Attempt, FormOutcome, KnownAccount, Step } from './attempt.ts'
import { auditFields } from './audit-fields.ts'
import { linkingOf } from './linking.ts'

interface Needs {
  readonly interactions: Pick<Interactions, 'factorsFor'>
  readonly secondFactors: Pick<SecondFactors, 'enrolApp'>
  readonly secondFactor: SecondFactorPolicy
  readonly audit: Pick<Audit, 'record'>
  /** The name of this service, for the person's app. */
  readonly title: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Lets a person set up a second factor who must have one and has none. It is for whoever has just signed in: a sign-in at another provider
 *  that is old, or of which nobody knows the time, is not enough. Nothing is stored before a code has proved the app too. */
export const createSetUpFactor = (needs: Needs): Step => ({
  async take(attempt) {
    const { account, interaction } = attempt
    const { pendingSeed, recoveryCodes } = interaction.progress
    if (account && recoveryCodes) return { kind: 'ask', page: recoveryCodesPage(attempt, account, recoveryCodes) }
    if (!account || !(await mustSetUp(needs, attempt))) return { kind: 'passed', attempt }
    const page =
      pendingSeed === undefined
        ? choicePage(attempt, account, isRecent(needs, account))
        : appPage(needs, attempt, account, pendingSeed)
    return { kind: 'ask', page }
  },
  forms: {
    'set-up': (attempt) => begin(needs, attempt),
    'set-up-app': (attempt) => confirmApp(needs, attempt),
    'codes-saved': codesSaved,
  },
})

async function mustSetUp({ interactions, secondFactor }: Needs, { interaction }: Attempt): Promise<boolean> {
  const { signedIn } = interaction.progress
  if (signedIn === undefined || hasTwoFactors(signedIn.amr) || secondFactor.policy === 'off') return false
  const { kinds, needed } = await interactions.factorsFor(interaction, signedIn)
  return needed && kinds.length === 0
}

const pageOf = ({ interaction }: Attempt, { person }: KnownAccount) => ({
  kind: 'page' as const,
  languages: languagesOf(interaction, person),
  formTargets: [interaction.redirectUri],
})

/** As the pages of the account want it of a session. */
const isRecent = ({ now }: Needs, { authTime }: Pick<KnownAccount, 'authTime'>): boolean =>
  now() / 1000 - authTime <= freshFor

function choicePage(attempt: Attempt, account: KnownAccount, recent: boolean): Page {
  const { interaction, paths } = attempt
  return {
    ...pageOf(attempt, account),
    view: 'set-up-factor',
    model: {
      client: interaction.client,
      action: paths.form('set-up'),
      cancelAction: paths.form('cancel'),
      person: account.person,
      signInFirst: !recent,
    },
  }
}

function appPage({ title }: Needs, attempt: Attempt, account: KnownAccount, seed: string): Page {
  const { interaction, paths } = attempt
  return {
    ...pageOf(attempt, account),
    view: 'set-up-app',
    model: {
      client: interaction.client,
      action: paths.form('set-up-app'),
      cancelAction: paths.form('cancel'),
      qrCode: qrCode(appUri(seed, { issuer: title, account: account.person.username })),
      secret: seed.replace(/.{4}(?=.)/g, '$& '),
      mistakes: interaction.progress.said?.mistakes ?? [],
    },
  }
}

function recoveryCodesPage(attempt: Attempt, account: KnownAccount, codes: readonly string[]): Page {
  const { interaction, paths } = attempt
  return {
    ...pageOf(attempt, account),
    view: 'recovery-codes',
    model: { client: interaction.client, action: paths.form('codes-saved'), codes },
  }
}

/** "Set up now": the seed is minted, and stays in the interaction's cookie. "Sign in again": first the person does that. */
async function begin(needs: Needs, attempt: Attempt): Promise<FormOutcome> {
  if (!(await mustSetUp(needs, attempt))) return { kind: 'unchanged' }
  const { progress } = attempt.interaction
  if (progress.signedIn && !isRecent(needs, progress.signedIn))
    return { kind: 'go-on', progress: { ...linkingOf(progress), switching: true, anew: true } }
  return { kind: 'go-on', progress: { ...progress, pendingSeed: mintSeed() } }
}

/** Takes the field `code`: only a right one makes the app a second factor.
 *  @throws CodedError STORE_UNAVAILABLE */
async function confirmApp(needs: Needs, attempt: Attempt): Promise<FormOutcome> {
  const { request, interaction } = attempt
  const { signedIn, pendingSeed: seed } = interaction.progress
  if (signedIn === undefined || seed === undefined || !(await mustSetUp(needs, attempt))) return { kind: 'unchanged' }
  const code = request.form.get('code') ?? ''
  if (code.trim() === '') return { kind: 'mistaken', mistakes: [{ key: 'code-missing', control: 'code' }] }
  const { accountId: userId, standing = '' } = signedIn
  const about = { ...auditFields(request, interaction), userId }
  const event = { ...about, event: 'factor.enrolled', outcome: 'success', reason: 'totp' } as const
  const outcome = await needs.secondFactors.enrolApp({
    userId,
    standing,
    seed,
    code,
    name: '',
    event,
    languages: [...interaction.uiLocales, ...request.languages],
  })
  switch (outcome.kind) {
    case 'enrolled': {
      const proved = { ...signedIn, standing: outcome.standing, amr: withSecondFactor(signedIn.amr, 'otp') }
      const recoveryCodes = outcome.recoveryCodes.length > 0 ? outcome.recoveryCodes : undefined
      return { kind: 'go-on', progress: { ...linkingOf(interaction.progress), signedIn: proved, recoveryCodes } }
    }
    case 'wrong':
      return { kind: 'mistaken', mistakes: [{ key: 'wrong-first-code', control: 'code' }] }
    case 'ended':
      needs.audit.record({ ...about, event: 'signin.refused', outcome: 'failure', reason: 'ended-meanwhile' })
      return { kind: 'over' }
  }
}

/** The codes are forgotten: nobody can show them again. */
function codesSaved({ interaction }: Attempt): FormOutcome {
  const { recoveryCodes: _, ...rest } = interaction.progress
  return { kind: 'go-on', progress: rest }
}
