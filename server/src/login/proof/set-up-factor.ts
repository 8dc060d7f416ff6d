import { freshFor, hasTwoFactors, withSecondFactor } from '../../oidc/acr.ts'
import type { Interactions, Progress } from '../../oidc/interaction/interaction.ts'
import type { Page } from '../../reply.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { EnrolledFactor } from '../../users/factors/new-factor.ts'
import { mayEnrolFirst } from '../../users/factors/policy.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import { appOnPage, newPasskeyOnPage, setUps } from '../../users/factors/factor-kinds.ts'
import type { SetUp, SetUpNeeds } from '../../users/factors/factor-kinds.ts'
import { mintSeed } from '../../users/factors/totp.ts'
import { pageOf } from '../attempt/attempt.ts'
import type { Attempt, Form, FormOutcome, KnownAccount, Step } from '../attempt/attempt.ts'
import { auditFields } from '../attempt/audit-fields.ts'
import { linkingOf } from '../attempt/linking.ts'

interface Needs extends SetUpNeeds {
  readonly interactions: Pick<Interactions, 'factorsFor'>
  readonly secondFactor: SecondFactorPolicy
  readonly audit: Pick<Audit, 'record'>
  /** The name of this service, for the person's app. */
  readonly title: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Lets a person set up a second factor who must have one and has none. It needs a fresh sign-in: one at
 *  another provider that is old, or of unknown age, is not enough. Nothing is stored before it is proved. */
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
    ...Object.fromEntries(Object.entries(setUps).map(([way, setUp]) => [`set-up-${way}`, formOf(needs, setUp)])),
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
  const action = paths.form('set-up-passkey')
  return {
    ...pageOf(interaction, account.person),
    view: 'set-up-factor',
    model: {
      client: interaction.client,
      action: paths.form('set-up'),
      cancelAction: paths.form('cancel'),
      person: account.person,
      passkey: isOffered ? await newPasskeyOnPage(needs, person, interaction.uid, action) : undefined,
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
      ...appOnPage(seed, title, account.person),
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

/** @throws CodedError STORE_UNAVAILABLE */
const formOf =
  (needs: Needs, setUp: SetUp): Form =>
  async (attempt) => {
    const { request, interaction } = attempt
    const { progress } = interaction
    const { signedIn, pendingSeed: seed } = progress
    if (signedIn === undefined || !(await maySetUp(needs, attempt))) return { kind: 'unchanged' }
    if (!isRecent(needs, signedIn)) return { kind: 'go-on', progress: { ...progress, pendingSeed: undefined } }
    const { accountId: userId, standing = '', cameBy } = signedIn
    const about = { ...auditFields(request, interaction), userId }
    const languages = [...interaction.uiLocales, ...request.languages]
    const outcome = await setUp(needs, {
      fields: request.form,
      agent: request.raw.request.headers['user-agent'],
      userId,
      standing,
      boundTo: interaction.uid,
      seed,
      changeOf: (reason) => ({
        event: { ...about, event: 'factor.enrolled', outcome: 'success', reason },
        languages,
        cameBy,
      }),
    })
    switch (outcome.kind) {
      case 'enrolled':
        return goOn(progress, signedIn, outcome)
      case 'mistaken':
        return {
          kind: 'mistaken',
          mistakes: [outcome.mistake],
          progress: { ...progress, pendingName: outcome.name },
        }
      case 'not-shown':
        return { kind: 'unchanged' }
      // a first try whose answer was lost may have stored it: this sign-in began without a second factor, so it ends
      case 'ended':
        needs.audit.record({ ...about, event: 'signin.refused', outcome: 'failure', reason: 'ended-meanwhile' })
        return { kind: 'over' }
    }
  }

type SignedIn = NonNullable<Progress['signedIn']>

/** Setting up the factor proved it, and ended all earlier sessions. This session begins after that. */
function goOn(
  progress: Progress,
  signedIn: SignedIn,
  { standing, since, methods, recoveryCodes }: EnrolledFactor,
): FormOutcome {
  const authTime = Math.floor(since.getTime() / 1000)
  const moved = { authTime, standing, beside: undefined }
  const proved = { ...signedIn, ...moved, amr: withSecondFactor(signedIn.amr, ...methods) }
  const toShow = recoveryCodes.length > 0 ? recoveryCodes : undefined
  return { kind: 'go-on', progress: { ...linkingOf(progress), signedIn: proved, recoveryCodes: toShow } }
}

/** The codes are forgotten: nobody can show them again. */
function codesSaved({ interaction }: Attempt): FormOutcome {
  const { recoveryCodes: _, ...rest } = interaction.progress
  return { kind: 'go-on', progress: rest }
}
