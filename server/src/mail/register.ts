// The page that asks for an account, where that is allowed.
import { paths } from '@nauthera/rules/endpoints'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import { looksLikeAnother } from '../store/people/look-alikes.ts'
import { domainOf, emailAddressOf } from '../store/people/email-address.ts'
import { shortLifeMinutes } from '../users/links/link-mails.ts'
import { requestLimits } from '../users/links/link-requests.ts'
import type { LinkRequests } from '../users/links/link-requests.ts'
import { requesterOf, tooMany } from './page-needs.ts'
import type { MailPageNeeds } from './page-needs.ts'

/** Asks for an account, where that is allowed. The answer is the same whether the address has one or not: a mail says which. */
export function createRegisterRoutes(needs: MailPageNeeds): readonly Route[] {
  const { requests, registration } = needs
  if (requests === undefined || !registration.enabled) return []
  return [
    { method: 'GET', path: paths.register, boundTo: 'browser', handle: async () => registerPage(needs, {}) },
    { method: 'POST', path: paths.register, boundTo: 'browser', handle: (request) => ask(needs, requests, request) },
    { method: 'GET', path: `${paths.register}/sent`, handle: async () => sentPage },
  ]
}

const sentPage: Page = {
  kind: 'page',
  view: 'notice',
  model: { key: 'registration-sent', values: { minutes: shortLifeMinutes } },
}

function registerPage(
  { basePath, registration }: MailPageNeeds,
  said: { email?: string; mistakes?: readonly Mistake[]; status?: number; retryAfter?: number },
): Page {
  const { email = '', mistakes = [], status, retryAfter } = said
  const model = { action: `${basePath}${paths.register}`, email, domains: registration.allowedDomains, mistakes }
  return { kind: 'page', view: 'register', status, retryAfter, model }
}

/** Field `email`. */
async function ask(needs: MailPageNeeds, requests: LinkRequests, request: PageRequest): Promise<Reply> {
  const typed = (request.form.get('email') ?? '').trim()
  const email = emailAddressOf(typed)
  const { allowedDomains } = needs.registration
  if (email === undefined) {
    return registerPage(needs, { email: typed.slice(0, 320), mistakes: [{ key: 'email-invalid', control: 'email' }] })
  }
  if (looksLikeAnother(typed)) {
    return registerPage(needs, { email, mistakes: [{ key: 'email-look-alike', control: 'email' }] })
  }
  if (!isOfDomain(email, allowedDomains)) {
    const values = { domains: allowedDomains.join(', ') }
    return registerPage(needs, { email, mistakes: [{ key: 'email-domain', control: 'email', values }] })
  }
  if (!(await requests.requestRegistration({ ...requesterOf(request), email }))) {
    const { windowMs } = requestLimits.ofAddress
    const mistakes = [tooMany(windowMs)]
    return registerPage(needs, { email, mistakes, status: 429, retryAfter: Math.ceil(windowMs / 1000) })
  }
  return { kind: 'redirect', location: `${needs.basePath}${paths.register}/sent` }
}

/** The domain itself, without its subdomains: these may belong to others. */
const isOfDomain = (email: string, domains: readonly string[]): boolean =>
  domains.length === 0 || domains.includes(domainOf(email) ?? '')
