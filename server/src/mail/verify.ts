// The page that confirms an address.
import { auditedRequest } from '../oidc/request-context.ts'
import { paths } from '@nauthera/rules/endpoints'
import type { PageRequest, Reply, Route } from '../reply.ts'
import { joinGonePage } from './page-needs.ts'
import type { MailPageNeeds } from './page-needs.ts'

const page = `${paths.verifyEmail}/:token`

/** Confirms that an e-mail address is the person's. */
export const createVerifyRoutes = (needs: MailPageNeeds): readonly Route[] => [
  { method: 'GET', path: `${paths.verifyEmail}/done`, handle: async () => done },
  { method: 'GET', path: page, handle: (request) => show(needs, request) },
  { method: 'POST', path: page, handle: (request) => verify(needs, request) },
]

const done: Reply = { kind: 'page', view: 'notice', model: { key: 'email-verified' } }

async function show({ basePath, mailLinks }: MailPageNeeds, { params }: PageRequest): Promise<Reply> {
  const token = params['token'] ?? ''
  const link = await mailLinks.find('verify', token)
  if (link === undefined) return joinGonePage
  const action = `${basePath}${paths.verifyEmail}/${encodeURIComponent(token)}`
  return { kind: 'page', view: 'confirm-email', model: { action, email: link.email } }
}

async function verify({ basePath, mailLinks }: MailPageNeeds, request: PageRequest): Promise<Reply> {
  const event = { ...auditedRequest(request), event: 'email.verified', outcome: 'success' } as const
  const isVerified = await mailLinks.verify(request.params['token'] ?? '', (userId) => [{ ...event, userId }])
  return isVerified ? { kind: 'redirect', location: `${basePath}${paths.verifyEmail}/done` } : joinGonePage
}
