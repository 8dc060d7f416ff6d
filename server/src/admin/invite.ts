import { paths } from '@nauthera/rules/endpoints'
import { hasCode } from '@nauthera/runtime/coded-error'
import { personalForm, personalPage } from '../account/gate.ts'
import type { SignedInPerson } from '../account/gate.ts'
import { auditedRequest } from '../oidc/request-context.ts'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import type { AuditEvent } from '../store/audit.ts'
import { isEmailAddress } from '../users/email-address.ts'
import type { DeskInvited, Invitation, LinkMails } from '../users/link-mails.ts'
import type { UserSources } from '../users/user-sources.ts'
import { deskArea } from './frame.ts'
import type { FrameNeeds } from './frame.ts'
import { notFound } from './gate.ts'
import type { DeskGate } from './gate.ts'
import { mayOf } from './rank.ts'
import type { DeskRules } from './rank.ts'

// Invites somebody who has no account. An invitation of the desk brings no groups: a member could send one to an address of their own. The desk
// leaves an invitation with groups as it is.

export interface InviteNeeds extends FrameNeeds {
  readonly desk: DeskGate
  readonly rules: DeskRules
  /** Whether a source has somebody with this address, who was never here. */
  readonly isReserved: UserSources['isReserved']
  /** Undefined where no mail is sent: the link must reach the mailbox, and no member sees it. */
  readonly linkMails: Pick<LinkMails, 'inviteFromDesk'> | undefined
  /** Tags of the languages that pages and mails have. */
  readonly languages: readonly string[]
}

export const invitePath = `${paths.admin}/invite`

export const createInviteRoutes = (needs: InviteNeeds): readonly Route[] => [
  personalPage(invitePath, needs.desk.toAct, (admin, request) =>
    mayInvite(needs, admin) ? show(needs, admin, request, {}) : notFound,
  ),
  personalForm(invitePath, needs.desk.toAct, (admin, request) => invite(needs, admin, request)),
]

const mayInvite = ({ rules, linkMails }: InviteNeeds, { user }: SignedInPerson): boolean =>
  linkMails !== undefined && mayOf(rules, user.groupOrigins).has('invite')

interface Shown extends Partial<Invitation> {
  readonly mistakes?: readonly Mistake[]
}

function show(
  needs: InviteNeeds,
  admin: SignedInPerson,
  request: PageRequest,
  { email = '', name = '', locale = '', mistakes = [] }: Shown,
): Page {
  return {
    kind: 'page',
    view: 'admin-invite',
    model: {
      area: deskArea(needs, admin, request, 'people'),
      action: `${needs.basePath}${invitePath}`,
      backHref: `${needs.basePath}${paths.admin}`,
      email,
      name,
      locale,
      languages: needs.languages.map((tag) => ({ tag, name: nameOf(tag) })),
      mistakes,
    },
  }
}

/** A language in its own words. */
const nameOf = (tag: string): string => new Intl.DisplayNames(tag, { type: 'language' }).of(tag) ?? tag

const longest = 320

/** Fields `email`, `name` and `locale`. */
async function invite(needs: InviteNeeds, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const { linkMails, languages } = needs
  if (linkMails === undefined || !mayInvite(needs, admin)) return notFound
  const field = (name: string) => (request.form.get(name) ?? '').trim().slice(0, longest)
  const asked = { email: field('email'), name: field('name'), locale: field('locale') }
  const invitation: Invitation = {
    email: asked.email,
    name: asked.name === '' ? undefined : asked.name,
    locale: languages.includes(asked.locale) ? asked.locale : undefined,
  }
  const event: AuditEvent = {
    event: 'admin.desk.invite',
    outcome: 'success',
    userId: admin.user.id,
    ...auditedRequest(request),
    detail: { email: asked.email },
  }
  const by = { languages: request.languages, audit: [event] }
  const { email } = asked
  const isReserved = isEmailAddress(email) && (await needs.isReserved({ username: email, email }))
  const mistake = isReserved ? hasAccount : await linkMails.inviteFromDesk(invitation, by).then(notSent, mistakeOf)
  if (mistake !== undefined) return show(needs, admin, request, { ...asked, mistakes: [mistake] })
  needs.said.say(request, 'desk-invite')
  return { kind: 'redirect', location: `${needs.basePath}${paths.admin}` }
}

const hasAccount: Mistake = { key: 'email-has-account', control: 'email' }

function notSent(invited: DeskInvited): Mistake | undefined {
  if (invited === 'sent') return undefined
  const key = invited === 'already-invited' ? 'invited-with-groups' : 'invited-too-often'
  return { key, control: 'email' }
}

/** @throws what is no mistake of whoever typed */
function mistakeOf(error: unknown): Mistake {
  if (hasCode(error, 'EMAIL_TAKEN')) return hasAccount
  if (!hasCode(error, 'USERNAME_INVALID')) throw error
  const isName = error.faults.some(({ path }) => path === 'name')
  return isName ? { key: 'text-not-taken', control: 'name' } : { key: 'email-invalid', control: 'email' }
}
