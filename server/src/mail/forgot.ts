// The page that asks for a link to a new password.
import { paths } from '@nauthera/rules/endpoints'
import { setCookie } from '../oidc/cookies.ts'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import { shortLifeMinutes } from '../users/links/link-mails.ts'
import { requestLimits } from '../users/links/link-requests.ts'
import { requesterOf, tooMany } from './page-needs.ts'
import type { MailPageNeeds } from './page-needs.ts'

/** The longest user name that is looked up: the longest e-mail address (RFC 5321 section 4.5.3.1). */
const longestLogin = 320
/** Seconds: as long as the sign-in that somebody may go on with. */
const signInFor = 600

/** The cookie of the browser whose sign-in waits for this reset. It names the sign-in, and does not open it. */
export const signInCookie = 'nauthera_forgot'

/** Asks for a link to set a new password. The answer is the same for everybody, in text, status and time. */
export const createForgotRoutes = (needs: MailPageNeeds): readonly Route[] => [
  {
    method: 'GET',
    path: paths.forgot,
    boundTo: 'browser',
    handle: async (request) => forgotPage(needs, fieldsOf(request.query), {}),
  },
  { method: 'POST', path: paths.forgot, boundTo: 'browser', handle: (request) => ask(needs, request) },
  { method: 'GET', path: `${paths.forgot}/sent`, handle: async (request) => sentPage(needs, request) },
]

interface Fields {
  readonly client: string
  readonly signIn: string
}

/** What the sign-in page sends along. Anybody can write such an address: the client only leads to what is registered for it, and the
 *  sign-in only to itself. */
const fieldsOf = (from: URLSearchParams): Fields => ({
  client: (from.get('client') ?? '').slice(0, 300),
  signIn: /^[\w-]{10,64}$/.exec(from.get('sign-in') ?? '')?.[0] ?? '',
})

function forgotPage(
  { basePath, requests, clientOf }: MailPageNeeds,
  fields: Fields,
  said: { login?: string; mistakes?: readonly Mistake[]; status?: number; retryAfter?: number },
): Page {
  const client = clientOf(fields.client)
  const { login = '', mistakes = [], status, retryAfter } = said
  if (requests === undefined) return { kind: 'page', view: 'notice', model: { key: 'no-mail', client } }
  const action = `${basePath}${paths.forgot}`
  const backHref = fields.signIn === '' ? undefined : `${basePath}${paths.interaction}/${fields.signIn}`
  const model = {
    client,
    action,
    backHref,
    fields: { client: fields.client, 'sign-in': fields.signIn },
    login,
    mistakes,
  }
  return { kind: 'page', view: 'forgot', status, retryAfter, model }
}

async function ask(needs: MailPageNeeds, request: PageRequest): Promise<Reply> {
  const { basePath, requests, scope } = needs
  const fields = fieldsOf(request.form)
  const login = (request.form.get('login') ?? '').trim().slice(0, longestLogin)
  if (requests === undefined) return forgotPage(needs, fields, {})
  if (login === '') {
    return forgotPage(needs, fields, { mistakes: [{ key: 'username-missing', control: 'login' }] })
  }
  const client = needs.clientOf(fields.client)?.clientId
  if (!(await requests.requestReset({ ...requesterOf(request), login, client }))) {
    const { windowMs } = requestLimits.ofAddress
    const said = { mistakes: [tooMany(windowMs)], status: 429, retryAfter: Math.ceil(windowMs / 1000) }
    return forgotPage(needs, fields, { login, ...said })
  }
  if (fields.signIn !== '') {
    const path = `${basePath}${paths.reset}`
    setCookie(request.raw.response, scope, { name: signInCookie, value: fields.signIn, path, maxAge: signInFor })
  }
  const query = client === undefined ? '' : `?${new URLSearchParams({ client }).toString()}`
  return { kind: 'redirect', location: `${basePath}${paths.forgot}/sent${query}` }
}

const sentPage = ({ clientOf }: MailPageNeeds, request: PageRequest): Page => ({
  kind: 'page',
  view: 'notice',
  model: {
    key: 'reset-sent',
    client: clientOf(fieldsOf(request.query).client),
    values: { minutes: shortLifeMinutes },
  },
})
