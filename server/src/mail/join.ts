// The page that an invitation leads to.
import { auditedRequest } from '../oidc/request-context.ts'
import { hasCode } from '@nauthera/runtime/coded-error'
import { hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import { paths } from '@nauthera/rules/endpoints'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import { mintLinkToken } from '../store/people/link-token.ts'
import type { LiveLink } from '../store/people/mail-links.ts'
import type { User } from '../store/people/user.ts'
import type { AccountLink } from '../store/people/users.ts'
import type { Invitation } from '../users/links/link-mails.ts'
import { readNewPassword, ruleMistakes } from '../users/passwords/new-password.ts'
import { passwordLength } from '../users/passwords/passwords.ts'
import { joinGonePage } from './page-needs.ts'
import type { MailPageNeeds } from './page-needs.ts'

const pages = { invitation: paths.invitation, registration: paths.register } as const
type Kind = AccountLink['kind']
const longestName = 200

/** Makes an account with a link of an invitation or a registration. Before the POST there is no account. */
export const createJoinRoutes = (needs: MailPageNeeds): readonly Route[] => [
  { method: 'GET', path: `${paths.invitation}/done`, handle: async () => donePage(needs) },
  ...(['invitation', 'registration'] as const).flatMap((kind): Route[] => [
    { method: 'GET', path: `${pages[kind]}/:token`, handle: (request) => withLink(needs, request, kind, show) },
    { method: 'POST', path: `${pages[kind]}/:token`, handle: (request) => withLink(needs, request, kind, join) },
  ]),
]

const donePage = ({ basePath }: MailPageNeeds): Page => ({
  kind: 'page',
  view: 'notice',
  model: { key: 'joined', link: { href: `${basePath}${paths.account}`, key: 'notice.joined.go-on' } },
})

/** A link, with the invitation that it carries. */
interface Joining {
  readonly kind: Kind
  readonly token: string
  readonly link: LiveLink
  readonly invitation: Invitation
}

async function withLink(
  needs: MailPageNeeds,
  request: PageRequest,
  kind: Kind,
  work: (needs: MailPageNeeds, request: PageRequest, joining: Joining) => Promise<Reply> | Reply,
): Promise<Reply> {
  const token = request.params['token'] ?? ''
  const link = await needs.mailLinks.find(kind, token)
  if (link === undefined) return joinGonePage
  return work(needs, request, { kind, token, link, invitation: { email: link.email, ...link.payload } })
}

function show({ basePath }: MailPageNeeds, _request: PageRequest, joining: Joining): Page {
  return joinPage(basePath, joining, { name: joining.invitation.name ?? '', mistakes: [] })
}

function joinPage(
  basePath: string,
  { kind, token, invitation }: Joining,
  said: { name: string; mistakes: readonly Mistake[] },
): Page {
  return {
    kind: 'page',
    view: 'join',
    languages: invitation.locale === undefined ? [] : [invitation.locale],
    model: {
      action: `${basePath}${pages[kind]}/${encodeURIComponent(token)}`,
      email: invitation.email,
      minLength: passwordLength.min,
      maxLength: passwordLength.max,
      ...said,
    },
  }
}

/** A login link for the new account, where a password alone may not set up a second factor: with the link the person can.
 *  @returns undefined where the password is enough */
async function firstSignIn({ secondFactor, loginLinks }: MailPageNeeds, { id }: User): Promise<string | undefined> {
  if (secondFactor.policy === 'off' || secondFactor.enrolment !== 'link') return undefined
  const token = mintLinkToken()
  const isMade = await loginLinks.create(id, { token, lifeMs: firstSignInFor, audit: [] })
  return isMade ? `${paths.loginLink}/${token.plain}` : undefined
}

/** Milliseconds. */
const firstSignInFor = 15 * 60_000

/** Fields `name`, `new-password` and `repeat-password`. The address is that of the link: it was proved by opening it. */
async function join(needs: MailPageNeeds, request: PageRequest, joining: Joining): Promise<Reply> {
  const { basePath, passwords, users, sources } = needs
  const { kind, token, invitation } = joining
  const name = (request.form.get('name') ?? '').trim().slice(0, longestName)
  const { next, mistakes: typed } = readNewPassword(request.form)
  const { email, locale, groups } = invitation
  const unfit = hasHiddenInName(name) ? [{ key: 'text-not-taken', control: 'name' }] : []
  const early = [...unfit, ...typed]
  const mistakes = early.length > 0 ? early : ruleMistakes(passwords.checkNew(next, { username: email, email }))
  if (mistakes.length > 0) return joinPage(basePath, joining, { name, mistakes })
  // a person of a directory has the address by now; an administrator's invitation wins over that
  if (kind === 'registration' && (await sources.isReserved({ username: email, email }))) return joinGonePage
  const passwordHash = await passwords.hash(next)
  const known = { username: email, email, emailVerified: true, name: name === '' ? undefined : name, locale, groups }
  const created = { ...auditedRequest(request), event: 'account.created', outcome: 'success', reason: kind } as const
  try {
    const user = await users.insertByLink({ ...known, passwordHash }, { kind, token }, [created])
    if (user === undefined) return joinGonePage
    return {
      kind: 'redirect',
      location: `${basePath}${(await firstSignIn(needs, user)) ?? `${paths.invitation}/done`}`,
    }
  } catch (error) {
    // an administrator made the account meanwhile
    if (hasCode(error, 'USERNAME_TAKEN', 'EMAIL_TAKEN')) return joinGonePage
    throw error
  }
}
