// What the pages that ask for mails, and those that mails lead to, have in common.
import { paths } from '@nauthera/rules/endpoints'
import type { CookieScope } from '../oidc/cookies.ts'
import type { Page, PageRequest } from '../reply.ts'
import type { ClientOnPage, Mistake } from '../reply/on-page.ts'
import type { RegistrationSettings } from '../settings/mail.ts'
import type { LoginLinks } from '../store/people/login-links.ts'
import type { MailLinks } from '../store/people/mail-links.ts'
import type { Users } from '../store/people/users.ts'
import type { LinkRequests } from '../users/links/link-requests.ts'
import type { Passwords } from '../users/passwords/passwords.ts'
import type { UserSources } from '../users/sources/user-sources.ts'
import type { ProveFactorNeeds } from './prove-factor.ts'

export interface MailPageNeeds extends ProveFactorNeeds {
  readonly scope: CookieScope
  /** Without it no mail is sent, and nothing that needs one is offered. */
  readonly requests: LinkRequests | undefined
  readonly registration: RegistrationSettings
  readonly mailLinks: Pick<MailLinks, 'find' | 'verify'>
  readonly loginLinks: Pick<LoginLinks, 'create'>
  readonly users: Pick<Users, 'insertByLink'>
  readonly sources: Pick<UserSources, 'load' | 'changePassword' | 'isReserved'>
  readonly passwords: Pick<Passwords, 'checkNew' | 'hash'>
  readonly clientOf: (clientId: string) => ClientOnPage | undefined
}

/** What a queued request says about the one that asked. */
export const requesterOf = ({ peer, correlationId, languages }: PageRequest) => ({
  from: { address: peer.address, agent: peer.userAgent },
  languages,
  correlationId,
})

/** The answer to a link that was used, has expired or is unknown. It does not say whose link it was. */
export const gonePage = (basePath: string): Page => ({
  kind: 'page',
  view: 'notice',
  status: 400,
  model: { key: 'link-gone', link: { href: `${basePath}${paths.forgot}`, key: 'notice.link-gone.again' } },
})

/** The same for a link to a person without an account, or without a password of ours. */
export const joinGonePage: Page = { kind: 'page', view: 'notice', status: 400, model: { key: 'join-link-gone' } }

/** Too many requests from one address. */
export const tooMany = (windowMs: number): Mistake => ({
  key: 'too-many-requests',
  values: { minutes: Math.ceil(windowMs / 60_000) },
})
