// The page that a link to a new password leads to.
import { hasShape } from '@nauthera/runtime/json'
import { auditedRequest } from '../oidc/request-context.ts'
import { paths } from '@nauthera/rules/endpoints'
import { readCookies, setCookie } from '../oidc/cookies.ts'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import type { LoadedAccount } from '../store/sessions/accounts.ts'
import type { LiveLink } from '../store/people/mail-links.ts'
import { proofs } from '../users/factors/factor-kinds.ts'
import { readNewPassword, ruleMistakes } from '../users/passwords/new-password.ts'
import { personOnPage } from '../users/person-on-page.ts'
import { passwordLength } from '../users/passwords/passwords.ts'
import { signInCookie } from './forgot.ts'
import { requesterOf, gonePage } from './page-needs.ts'
import type { MailPageNeeds } from './page-needs.ts'
import { lacksProof, proofPage, proveFactor } from './prove-factor.ts'

const page = `${paths.reset}/:token`
const donePage = `${paths.reset}/done`

/** Sets a new password with a link. A GET uses nothing up, since mail servers open links; the POST does. It signs nobody in: a second
 *  factor is asked for at the sign-in that follows, and here before the password is changed. */
export const createResetRoutes = (needs: MailPageNeeds): readonly Route[] => [
  { method: 'GET', path: donePage, handle: async (request) => showDone(needs, request) },
  { method: 'GET', path: page, handle: (request) => withLink(needs, request, (link) => show(needs, request, link)) },
  { method: 'POST', path: page, handle: (request) => withLink(needs, request, (link) => reset(needs, request, link)) },
  ...Object.entries(proofs).map(([form, check]): Route => {
    const handle = (request: PageRequest) =>
      withLink(needs, request, async (link) => {
        const outcome = await proveFactor(needs, request, link.account, check)
        if (outcome.kind === 'wrong') return proofPage(needs, request, link.account, [outcome.mistake])
        return resetPage(needs, request, link, { proof: outcome.proof })
      })
    return { method: 'POST', path: `${page}/${form}`, handle }
  }),
]

/** A link about a person. */
type PersonLink = LiveLink & { readonly userId: string; readonly account: LoadedAccount }

async function withLink(
  { basePath, mailLinks, sources }: MailPageNeeds,
  { params }: PageRequest,
  work: (link: PersonLink) => Promise<Reply>,
): Promise<Reply> {
  const link = await mailLinks.find('reset', params['token'] ?? '')
  const userId = link?.userId
  const account = userId === undefined ? undefined : await sources.load({ userId })
  if (link === undefined || userId === undefined || account === undefined) return gonePage(basePath)
  return work({ ...link, userId, account })
}

const show = async (needs: MailPageNeeds, request: PageRequest, link: PersonLink): Promise<Page> =>
  lacksProof(needs, request, link.account)
    ? proofPage(needs, request, link.account)
    : resetPage(needs, request, link, {})

function resetPage(
  { basePath }: MailPageNeeds,
  { params, form }: PageRequest,
  { account }: PersonLink,
  {
    mistakes = [],
    proof = form.get('proof') ?? undefined,
  }: { mistakes?: readonly Mistake[]; proof?: string | undefined },
): Page {
  const person = personOnPage(account.user)
  return {
    kind: 'page',
    view: 'new-password',
    reader: person,
    model: {
      action: `${basePath}${paths.reset}/${encodeURIComponent(params['token'] ?? '')}`,
      person,
      proof,
      minLength: passwordLength.min,
      maxLength: passwordLength.max,
      mistakes,
    },
  }
}

/** Fields `new-password`, `repeat-password` and, of whoever has a second factor, `proof`. The link alone says whose password it is. */
async function reset(needs: MailPageNeeds, request: PageRequest, link: PersonLink): Promise<Reply> {
  if (lacksProof(needs, request, link.account)) return proofPage(needs, request, link.account)
  const { next, mistakes } = readNewPassword(request.form)
  if (mistakes.length > 0) return resetPage(needs, request, link, { mistakes })
  const { basePath, sources } = needs
  const { client } = hasShape(link.payload, { optional: { client: 'string' } }) ? link.payload : {}
  const about = { ...auditedRequest(request), userId: link.userId, clientId: client }
  const outcome = await sources.changePassword({
    userId: link.userId,
    next,
    link: request.params['token'] ?? '',
    languages: requesterOf(request).languages,
    event: { ...about, event: 'password.reset', outcome: 'success' },
  })
  switch (outcome.kind) {
    case 'refused':
      return resetPage(needs, request, link, { mistakes: ruleMistakes(outcome.faults) })
    case 'ended':
      return gonePage(basePath)
    case 'changed': {
      const query = client === undefined ? '' : `?${new URLSearchParams({ client }).toString()}`
      return { kind: 'redirect', location: `${basePath}${donePage}${query}` }
    }
  }
}

/** Leads back to the sign-in that waits in this browser, else to the client. */
function showDone({ basePath, scope, clientOf }: MailPageNeeds, request: PageRequest): Page {
  const client = clientOf(request.query.get('client') ?? '')
  const signIn = readCookies(request.raw.request).get(signInCookie)
  const waits = signIn !== undefined && /^[\w-]{10,64}$/.test(signIn)
  if (waits) {
    const path = `${basePath}${paths.reset}`
    setCookie(request.raw.response, scope, { name: signInCookie, value: '', path, maxAge: 0 })
  }
  const link = waits
    ? { href: `${basePath}${paths.interaction}/${signIn}`, key: 'notice.reset-done.sign-in' }
    : undefined
  return { kind: 'page', view: 'notice', model: { key: 'reset-done', client, link } }
}
