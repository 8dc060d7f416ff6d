import { freshFor, hasTwoFactors, withSecondFactor } from '../../oidc/acr.ts'
import type { Interactions, Progress } from '../../oidc/interaction/interaction.ts'
import type { Page } from '../../reply.ts'
import type { Audit } from '../../store/audit/audit.ts'
import { isStillStanding } from '../../store/people/standing.ts'
import { factorName, passkeyName } from '../../users/factors/factor-name.ts'
import { passkeyAnswer } from '../../users/factors/passkey-factors.ts'
import type { EnrolledPasskey, PasskeyFactors } from '../../users/factors/passkey-factors.ts'
import { mayEnrolFirst } from '../../users/factors/policy.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { qrCode } from '../../users/factors/qr-code.ts'
import type { SecondFactors } from '../../users/factors/second-factors.ts'
import { appUri, mintSeed } from '../../users/factors/totp.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Attempt, FormOutcome, KnownAccount, Step } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import { linkingOf } from '../attempt/linking.ts'

interface Needs {
  readonly interactions: Pick<Interactions, 'factorsFor'>
  readonly secondFactors: Pick<SecondFactors, 'enrolApp'>
  readonly passkeys: Pick<PasskeyFactors, 'offerNew' | 'enrol'>
  readonly users: Pick<UserSources, 'load'>
  readonly secondFactor: SecondFactorPolicy
  readonly audit: Pick<Audit, 'record'>
  /** The name of this service, for the person's app. */
  readonly title: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Lets a person set up a second factor who must have one and has none. It needs a fresh sign-in: one at
 *  another provider that is old, or of unknown age, is not enough. Nothing is stored before a code has proved the app, or the browser has
 *  made a passkey. */
export const createSetUpFactor = (needs: Needs): Step => ({
  async run(attempt) {
    const { account, interaction } = attempt
    const { pendingSeed, recoveryCodes } = interaction.progress
    if (account && recoveryCodes) return { kind: 'ask', page: recoveryCodesPage(attempt, account, recoveryCodes) }
    if (!account || !(await mustSetUp(needs, attempt))) return { kind: 'passed', attempt }
    const page =
      pendingSeed === undefined
        ? await choicePage(needs, attempt, account)
        : appPage(needs, attempt, account, pendingSeed)
    return { kind: 'ask', page }
  },
  forms: {
    'set-up': (attempt) => begin(needs, attempt),
    'set-up-app': (attempt) => confirmApp(needs, attempt),
    'set-up-passkey': (attempt) => addPasskey(needs, attempt),
    'codes-saved': codesSaved,
  },
})

/** Whether this sign-in may: else the page says what the person needs first. */
const maySetUp = async (needs: Needs, attempt: Attempt): Promise<boolean> =>
  (await mustSetUp(needs, attempt)) &&
  mayEnrolFirst(needs.secondFactor, attempt.interaction.progress.signedIn?.amr ?? [])

async function mustSetUp({ interactions, secondFactor }: Needs, { interaction }: Attempt): Promise<boolean> {
  const { signedIn } = interaction.progress
  if (signedIn === undefined || hasTwoFactors(signedIn.amr) || secondFactor.policy === 'off') return false
  const { kinds, needed } = await interactions.factorsFor(interaction, signedIn)
  return needed && kinds.length === 0
}

/** The same limit of age as on the pages of the account. */
const isRecent = ({ now }: Needs, { authTime }: Pick<KnownAccount, 'authTime'>): boolean =>
  now() / 1000 - authTime <= freshFor

async function choicePage(needs: Needs, attempt: Attempt, account: KnownAccount): Promise<Page> {
  const { interaction, paths, request } = attempt
  const { username, name } = account.person
  const person = { id: account.accountId, username, name }
  const linkFirst = !mayEnrolFirst(needs.secondFactor, account.amr)
  const signInFirst = !isRecent(needs, account)
  // a form is answered with a redirect to this page: only there is it shown
  const isOffered = request.method === 'GET' && !signInFirst && !linkFirst
  const offer = isOffered ? await needs.passkeys.offerNew(person, interaction.uid) : undefined
  return {
    ...pageOf(interaction, account.person),
    view: 'set-up-factor',
    model: {
      client: interaction.client,
      action: paths.form('set-up'),
      cancelAction: paths.form('cancel'),
      person: account.person,
      passkey: offer && { ...offer, mode: 'create', action: paths.form('set-up-passkey') },
      mistakes: interaction.progress.said?.mistakes ?? [],
      signInFirst,
      linkFirst,
    },
  }
}

function appPage({ title }: Needs, attempt: Attempt, account: KnownAccount, seed: string): Page {
  const { interaction, paths } = attempt
  return {
    ...pageOf(interaction, account.person),
    view: 'set-up-app',
    model: {
      client: interaction.client,
      action: paths.form('set-up-app'),
      cancelAction: paths.form('cancel'),
      qrCode: qrCode(appUri(seed, { issuer: title, account: account.person.username })),
      secret: seed.replace(/.{4}(?=.)/g, '$& '),
      name: interaction.progress.pendingName ?? '',
      mistakes: interaction.progress.said?.mistakes ?? [],
    },
  }
}

function recoveryCodesPage(attempt: Attempt, account: KnownAccount, codes: readonly string[]): Page {
  const { interaction, paths } = attempt
  return {
    ...pageOf(interaction, account.person),
    view: 'recovery-codes',
    model: { client: interaction.client, action: paths.form('codes-saved'), codes },
  }
}

/** "Set up now": the seed is minted, and stays in the interaction's cookie. "Sign in again": first the person does that. */
async function begin(needs: Needs, attempt: Attempt): Promise<FormOutcome> {
  if (!(await maySetUp(needs, attempt))) return { kind: 'unchanged' }
  const { progress } = attempt.interaction
  if (progress.signedIn && !isRecent(needs, progress.signedIn))
    return { kind: 'go-on', progress: { ...linkingOf(progress), switching: true, wanted: '', anew: true } }
  return { kind: 'go-on', progress: { ...progress, pendingSeed: mintSeed() } }
}

/** Takes the fields `code` and `name`: only a right one makes the app a second factor.
 *  @throws CodedError STORE_UNAVAILABLE */
async function confirmApp(needs: Needs, attempt: Attempt): Promise<FormOutcome> {
  const { request, interaction } = attempt
  const { signedIn, pendingSeed: seed } = interaction.progress
  if (signedIn === undefined || seed === undefined || !(await maySetUp(needs, attempt))) return { kind: 'unchanged' }
  if (!isRecent(needs, signedIn))
    return { kind: 'go-on', progress: { ...interaction.progress, pendingSeed: undefined } }
  const code = request.form.get('code') ?? ''
  const name = factorName(request.form.get('name'))
  const again = (key: string): FormOutcome => ({
    kind: 'mistaken',
    mistakes: [{ key, control: 'code' }],
    progress: { ...interaction.progress, pendingName: name },
  })
  if (code.trim() === '') return again('code-missing')
  const { accountId: userId, standing = '' } = signedIn
  const about = { ...auditFields(request, interaction), userId }
  const event = { ...about, event: 'factor.enrolled', outcome: 'success', reason: 'totp' } as const
  const outcome = await needs.secondFactors.enrolApp({
    userId,
    standing,
    seed,
    code,
    name,
    event,
    languages: [...interaction.uiLocales, ...request.languages],
    cameBy: signedIn.cameBy,
  })
  switch (outcome.kind) {
    case 'enrolled':
      return goOn(interaction.progress, signedIn, { ...outcome, methods: ['otp'] })
    case 'wrong':
      return again('wrong-first-code')
    case 'ended':
      return endedMeanwhile(needs, attempt, userId)
  }
}

type SignedIn = NonNullable<Progress['signedIn']>

/** Setting up the factor proved it, and ended all earlier sessions. This session begins after that. */
function goOn(
  progress: Progress,
  signedIn: SignedIn,
  { standing, since, methods, recoveryCodes }: EnrolledPasskey,
): FormOutcome {
  const authTime = Math.floor(since.getTime() / 1000)
  const proved = { ...signedIn, authTime, standing, amr: withSecondFactor(signedIn.amr, ...methods) }
  const toShow = recoveryCodes.length > 0 ? recoveryCodes : undefined
  return { kind: 'go-on', progress: { ...linkingOf(progress), signedIn: proved, recoveryCodes: toShow } }
}

function endedMeanwhile({ audit }: Needs, { request, interaction }: Attempt, userId: string): FormOutcome {
  const about = { ...auditFields(request, interaction), userId }
  audit.record({ ...about, event: 'signin.refused', outcome: 'failure', reason: 'ended-meanwhile' })
  return { kind: 'over' }
}

/** Takes the fields `credential`, `sealed` and `name`.
 *  @throws CodedError STORE_UNAVAILABLE */
async function addPasskey(needs: Needs, attempt: Attempt): Promise<FormOutcome> {
  const { request, interaction } = attempt
  const { signedIn } = interaction.progress
  if (signedIn === undefined || !(await maySetUp(needs, attempt))) return { kind: 'unchanged' }
  if (!isRecent(needs, signedIn)) return { kind: 'unchanged' }
  const { accountId: userId, standing = '' } = signedIn
  const account = await needs.users.load({ userId })
  // the passkey was stored by a first try whose answer was lost: this sign-in began without a second factor, so it ends
  if (account === undefined || !isStillStanding(account, standing)) return endedMeanwhile(needs, attempt, userId)
  const added = await needs.passkeys.enrol({
    user: account.user,
    standing,
    answer: passkeyAnswer(request.form),
    boundTo: interaction.uid,
    name: passkeyName(request.form.get('name'), request.raw.request.headers['user-agent']),
    event: {
      ...auditFields(request, interaction),
      userId,
      event: 'factor.enrolled',
      outcome: 'success',
      reason: 'passkey',
    },
    languages: [...interaction.uiLocales, ...request.languages],
    cameBy: signedIn.cameBy,
  })
  if (added === undefined) return { kind: 'mistaken', mistakes: [{ key: 'passkey-not-added' }] }
  return goOn(interaction.progress, signedIn, added)
}

/** The codes are forgotten: nobody can show them again. */
function codesSaved({ interaction }: Attempt): FormOutcome {
  const { recoveryCodes: _, ...rest } = interaction.progress
  return { kind: 'go-on', progress: rest }
}
