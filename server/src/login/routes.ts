import { paths } from '@nauthera/rules/endpoints'
import type { Interaction, Interactions, Progress } from '../oidc/interaction/interaction.ts'
import type { PageRequest, Reply, Route } from '../reply.ts'
import type { Audit } from '../store/audit.ts'
import type { UserSources } from '../users/user-sources.ts'
import { interactionPaths } from './attempt.ts'
import { auditFields } from './audit-fields.ts'
import { createChangePassword } from './change-password.ts'
import { createDispatch } from './dispatch.ts'
import { signInPage } from './first-factor.ts'
import { overPage } from './over-page.ts'
import { createPasswordStep } from './password.ts'

// The pages of a sign-in. A GET shows where the person stands; a POST changes that and answers 303, so that reload and
// back button repeat nothing. Ids and names of controls are stable, for people who script a sign-in:
//
//   page             controls (id = name unless given)                              form goes to
//   sign-in          #username #password #remember #sign-in                         POST …/sign-in
//   choose-account   #account-continue #account-other (choice=continue|other)       POST …/account
//   change-password  #new-password #repeat-password #change-password                POST …/password
//   consent          #consent-remember (remember) #consent-allow #consent-deny      POST …/consent
//                    (decision=allow|deny), #switch-account                         POST …/switch
//   each             #cancel                                                        POST …/cancel
//   refused          #switch-account #cancel
//   logout           #logout-confirm #logout-stay                                   the provider's own
//   every form       form_token, hidden

/** @param needs.basePath the issuer's path, '' when it has none; @param needs.now epoch milliseconds */
export function createLoginRoutes(needs: {
  interactions: Interactions
  users: Pick<UserSources, 'tryPassword' | 'changePassword'>
  audit: Pick<Audit, 'record'>
  basePath: string
  now: () => number
}): readonly Route[] {
  const { interactions, audit } = needs
  const dispatch = createDispatch(needs)
  const checkPassword = createPasswordStep(needs)
  const changePassword = createChangePassword(needs)

  const page = `${paths.interaction}/:uid`

  return [
    { method: 'GET', path: page, handle: live(show) },
    // a reload of what a POST answered (503, 429) comes back to the page
    { method: 'GET', path: `${page}/:form`, handle: async ({ params }) => toPage(params.uid ?? '') },
    { method: 'POST', path: `${page}/sign-in`, handle: live(signIn) },
    { method: 'POST', path: `${page}/account`, handle: live(chooseAccount) },
    { method: 'POST', path: `${page}/password`, handle: live(choosePassword) },
    { method: 'POST', path: `${page}/consent`, handle: live(decideConsent) },
    { method: 'POST', path: `${page}/switch`, handle: live(switchAccount) },
    { method: 'POST', path: `${page}/cancel`, handle: live(cancel) },
  ]

  async function show(request: PageRequest, interaction: Interaction): Promise<Reply> {
    const outcome = await dispatch(attemptOf(request, interaction))
    switch (outcome.kind) {
      case 'ask': {
        const { said, ...rest } = interaction.progress
        if (said) await interactions.save(request, interaction, rest)
        return outcome.page
      }
      case 'ended':
        return { kind: 'redirect', location: outcome.location }
      case 'spent':
        return spent(interaction)
    }
  }

  async function signIn(request: PageRequest, interaction: Interaction): Promise<Reply> {
    const outcome = await checkPassword(request, interaction)
    switch (outcome.kind) {
      case 'proved':
        return goOn(request, interaction, { signedIn: outcome.signedIn })
      case 'mistaken': {
        const { mistakes, username } = outcome
        return say(request, interaction, { mistakes, username })
      }
      case 'busy': {
        const { retryAfter, username } = outcome
        const mistakes = [{ key: 'busy', values: { seconds: retryAfter } }]
        return signInPage(attemptOf(request, interaction), { mistakes, username, retryAfter, status: 429 })
      }
    }
  }

  function chooseAccount(request: PageRequest, interaction: Interaction): Promise<Reply> {
    if (request.form.get('choice') !== 'continue') return switchAccount(request, interaction)
    return goOn(request, interaction, { ...interaction.progress, sessionChosen: true })
  }

  async function choosePassword(request: PageRequest, interaction: Interaction): Promise<Reply> {
    const { signedIn } = interaction.progress
    if (!signedIn?.passwordChangeRequired) return toPage(interaction.uid)
    const outcome = await changePassword(request, interaction, signedIn)
    switch (outcome.kind) {
      case 'changed': {
        const { authTime, standing } = outcome
        return goOn(request, interaction, {
          signedIn: { ...signedIn, authTime, standing, passwordChangeRequired: false },
        })
      }
      case 'mistaken':
        return say(request, interaction, { mistakes: outcome.mistakes })
      case 'ended': {
        const { accountId: userId } = signedIn
        const refused = { event: 'signin.refused', outcome: 'failure', reason: 'ended-meanwhile', userId } as const
        audit.record({ ...auditFields(request, interaction), ...refused })
        await interactions.save(request, interaction, {})
        return overPage({ kind: 'over', reason: 'ended', client: interaction.client })
      }
    }
  }

  async function decideConsent(request: PageRequest, interaction: Interaction): Promise<Reply> {
    if (request.form.get('decision') === 'allow') {
      return goOn(request, interaction, interaction.progress, { remember: request.form.get('remember') !== null })
    }
    return refuse(request, interaction, 'consent.denied', 'the person did not agree')
  }

  async function switchAccount(request: PageRequest, interaction: Interaction): Promise<Reply> {
    await interactions.save(request, interaction, { switching: true })
    return toPage(interaction.uid)
  }

  function cancel(request: PageRequest, interaction: Interaction): Promise<Reply> {
    return refuse(request, interaction, 'authorization.refused', 'the person cancelled')
  }

  /** Goes as far as what is known now allows: to the client, or to the page with the next question. */
  async function goOn(
    request: PageRequest,
    interaction: Interaction,
    progress: Progress,
    agreed?: { remember: boolean },
  ): Promise<Reply> {
    const outcome = await dispatch({ ...attemptOf(request, { ...interaction, progress }), agreed })
    if (outcome.kind === 'ended') return { kind: 'redirect', location: outcome.location }
    if (outcome.kind === 'spent') return spent(interaction)
    await interactions.save(request, interaction, progress)
    return toPage(interaction.uid)
  }

  async function say(request: PageRequest, interaction: Interaction, said: Progress['said']): Promise<Reply> {
    await interactions.save(request, interaction, { ...interaction.progress, said })
    return toPage(interaction.uid)
  }

  async function refuse(
    request: PageRequest,
    interaction: Interaction,
    event: 'consent.denied' | 'authorization.refused',
    description: string,
  ): Promise<Reply> {
    const outcome = await interactions.finish(request, interaction, {
      kind: 'refused',
      error: 'access_denied',
      description,
    })
    if (outcome.kind === 'spent') return spent(interaction)
    const userId = (interaction.progress.signedIn ?? interaction.session)?.accountId
    const reason = event === 'consent.denied' ? undefined : 'cancelled'
    audit.record({ ...auditFields(request, interaction), event, outcome: 'failure', reason, userId })
    return { kind: 'redirect', location: outcome.location }
  }

  /** Loads the interaction of the address; what is not live any more gets its page. */
  function live(handle: (request: PageRequest, interaction: Interaction) => Promise<Reply>) {
    return async (request: PageRequest): Promise<Reply> => {
      const loaded = await interactions.load(request, request.params.uid ?? '')
      if (loaded.kind === 'live') return handle(request, loaded.interaction)
      // a form that comes without its cookie was begun in another browser, or by another site
      if (loaded.kind === 'absent' && request.method === 'POST') {
        audit.record({
          ...auditFields(request),
          event: 'signin.refused',
          outcome: 'failure',
          reason: 'interaction-absent',
        })
      }
      return overPage(loaded)
    }
  }

  function attemptOf(request: PageRequest, interaction: Interaction) {
    return { request, interaction, paths: interactionPaths(needs.basePath, interaction.uid) }
  }

  function toPage(uid: string): Reply {
    return { kind: 'redirect', location: interactionPaths(needs.basePath, uid).page }
  }

  function spent(interaction: Interaction): Reply {
    return overPage({ kind: 'over', reason: 'finished', client: interaction.client })
  }
}
