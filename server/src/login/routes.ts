// The pages of a sign-in. A GET shows the page of the current step; a POST sends its form. Ids and names of the controls do not change,
// for people who write a script for a sign-in:
//
//   page             controls (id = name unless given)                              form goes to
//   sign-in          #username #password #remember #sign-in                         POST …/sign-in
//   choose-account   #account-continue #account-other (choice=continue|other)       POST …/account
//                    #account-a #account-b … (account) #forget-a … (forget)         POST …/account
//   change-password  #new-password #repeat-password #change-password                POST …/password
//   second-factor    #code #second-factor                                           POST …/second-factor
//                    #recovery-code #use-recovery-code                              POST …/recovery-code
//                    #passkey (also on sign-in: POST …/passkey)                     POST …/second-passkey
//   set-up-factor    #set-up                                                        POST …/set-up
//                    #passkey-name (name) #passkey                                  POST …/set-up-passkey
//   set-up-app       #code #app-name (name) #set-up-app                                              POST …/set-up-app
//   recovery-codes   #codes-saved                                                   POST …/codes-saved
//   consent          #consent-remember (remember) #consent-allow #consent-deny      POST …/consent
//                    (decision=allow|deny), #switch-account                         POST …/switch
//   sign-in          #upstream-<id> for each other provider, #upstream-new            POST …/upstream/<id>
//   login-link       #use-login-link #switch-account                                POST …/login-link, POST …/switch
//   link-account     #link-confirm #link-skip (decision=link|skip)                  POST …/link
//   moving-on        #move-on, a link                                               another provider, or back from it
//   each             #cancel                                                        POST …/cancel
//   refused          #switch-account #cancel
//   confirm-device   #device-allow #device-deny (decision=allow|deny)               POST …/device
//   device-code      #user-code #device-code                                        POST /device
//   logout           #logout-confirm #logout-stay                                   the provider's own
//   every form       form_token, hidden
import { paths } from '@nauthera/rules/endpoints'
import type { PageRequest, Reply, Route } from '../reply.ts'
import { interactionPaths } from './attempt/attempt.ts'
import type { Attempt, Form, Offers, Step } from './attempt/attempt.ts'
import { auditFields } from './attempt/audit-fields.ts'
import { carryOut, spentPage } from './carry-out.ts'
import { createDispatch, guardForm } from './dispatch.ts'
import type { Dispatch } from './dispatch.ts'
import { createLoginLinkRoute } from './proof/login-link.ts'
import { overPage } from './attempt/over-page.ts'
import { createSteps } from './steps.ts'
import type { StepNeeds } from './steps.ts'
import { createCallbackRoute } from './upstream/callback.ts'

interface Needs extends StepNeeds {
  /** The issuer's path, '' when it has none. */
  readonly basePath: string
  /** Without a slash at the end. */
  readonly issuer: string
  readonly offers: Offers
}

const page = `${paths.interaction}/:uid`

export function createLoginRoutes(needs: Needs): readonly Route[] {
  const steps = createSteps(needs)
  const dispatch = createDispatch(steps)
  const guarded = (pick: (step: Step) => Step['forms']) =>
    steps.flatMap((step, at) =>
      Object.entries(pick(step) ?? {}).map(([name, form]) => [name, guardForm(steps.slice(0, at), form)] as const),
    )
  const forms = guarded((step) => step.forms)
  const returns = guarded((step) => step.returns)
  return [
    {
      method: 'GET',
      path: page,
      handle: live(needs, (attempt) => show({ ...needs, dispatch }, attempt)),
    },
    ...returns.map(([name, form]) => formRoute({ ...needs, dispatch }, 'GET', name, form)),
    // a reload of the answer to a POST (503, 429) leads back to the page
    {
      method: 'GET',
      path: `${page}/:form`,
      handle: async ({ params }) => toPage(needs, params['uid'] ?? ''),
    },
    {
      method: 'GET',
      path: `${page}/upstream/:upstream`,
      handle: async ({ params }) => toPage(needs, params['uid'] ?? ''),
    },
    createCallbackRoute(needs),
    createLoginLinkRoute(needs),
    ...forms.map(([name, form]) => formRoute({ ...needs, dispatch }, 'POST', name, form)),
  ]
}

const formRoute = (
  needs: Needs & { dispatch: Dispatch },
  method: Route['method'],
  name: string,
  form: Form,
): Route => ({
  method,
  path: `${page}/${name}`,
  handle: live(needs, async (attempt) => carryOut(needs, attempt, await form(attempt))),
})

async function show(needs: Needs & { dispatch: Dispatch }, attempt: Attempt): Promise<Reply> {
  const outcome = await needs.dispatch(attempt)
  switch (outcome.kind) {
    case 'ask': {
      const { said, ...rest } = attempt.interaction.progress
      if (said) await needs.interactions.save(attempt.request, attempt.interaction, rest)
      return outcome.page
    }
    case 'leave':
      await needs.interactions.save(attempt.request, attempt.interaction, outcome.progress)
      return outcome.page
    case 'ended':
      return { kind: 'redirect', location: outcome.location }
    case 'spent':
      return spentPage(attempt.interaction)
  }
}

/** Loads the interaction in the address. When it is not live any more, the answer is the page that says so. */
function live(
  { interactions, audit, basePath, offers }: Needs,
  handle: (attempt: Attempt) => Promise<Reply>,
): Route['handle'] {
  return async (request: PageRequest): Promise<Reply> => {
    const loaded = await interactions.load(request, request.params['uid'] ?? '')
    if (loaded.kind === 'live') {
      const { interaction } = loaded
      return handle({ request, interaction, paths: interactionPaths(basePath, interaction.uid), offers })
    }
    // a form without its cookie comes from another browser, or from another site
    if (loaded.kind === 'absent' && request.method === 'POST') {
      const event = { event: 'signin.refused', outcome: 'failure', reason: 'interaction-absent' } as const
      audit.record({ ...auditFields(request), ...event })
    }
    return overPage(loaded)
  }
}

const toPage = ({ basePath }: Needs, uid: string): Reply => ({
  kind: 'redirect',
  location: interactionPaths(basePath, uid).page,
})
