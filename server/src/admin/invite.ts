// The page that invites somebody without an account. Its invitations carry no groups: a member could invite their own address. It does not
// replace an administrator's invitation with groups.
import { paths } from '@nauthera/rules/endpoints'
import { hasCode } from '@nauthera/runtime/coded-error'
import { languagesOnPage, redirectSaying } from '../account/frame/frame.ts'
import { personalRoutes } from '../account/frame/gate.ts'
import type { SignedInPerson } from '../account/frame/gate.ts'
import { auditedRequest } from '../oidc/request-context.ts'
import type { Page, PageRequest, Reply, Route } from '../reply.ts'
import type { Mistake } from '../reply/on-page.ts'
import type { AuditEvent } from '../store/audit/audit-event.ts'
import type { Desk } from '../store/desk.ts'
import { looksLikeAnother } from '../store/people/look-alikes.ts'
import { isEmailAddress } from '../store/people/email-address.ts'
import { createLinkMails } from '../users/links/link-mails.ts'
import type { DeskInvited, Invitation, LinkMails } from '../users/links/link-mails.ts'
import type { UserSources } from '../users/sources/user-sources.ts'
import type { DeskLimits } from './carry-out.ts'
import { deskArea } from './frame.ts'
import type { FrameNeeds } from './frame.ts'
import { notFound } from './gate.ts'
import type { DeskGate } from './gate.ts'
import { mayOf } from './rank.ts'
import type { DeskRules } from './rank.ts'

export interface InviteNeeds extends FrameNeeds {
  readonly desk: DeskGate
  readonly rules: DeskRules
  /** Whether a source has a person with this address who never signed in. */
  readonly isReserved: UserSources['isReserved']
  readonly store: { readonly desk: Pick<Desk, 'withPeople'> }
  readonly limits: Pick<DeskLimits, 'actsPerHour'>
  readonly canChangePassword: UserSources['canChangePassword']
  /** Invitations need mail: only the mailbox may get the link, not the member. */
  readonly sendsMail: boolean
  /** Tags of the languages that pages and mails have. */
  readonly languages: readonly string[]
}

export const invitePath = `${paths.admin}/invite`

export function createInviteRoutes(needs: InviteNeeds): readonly Route[] {
  const { page, form } = personalRoutes(needs, needs.desk.toAct)
  return [
    page(invitePath, (_, admin, request) => (mayInvite(needs, admin) ? show(needs, admin, request, {}) : notFound)),
    form(invitePath, invite),
  ]
}

const mayInvite = ({ rules, sendsMail }: InviteNeeds, { user }: SignedInPerson): boolean =>
  sendsMail && mayOf(rules, user.groupOrigins).has('invite')

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
      languages: languagesOnPage(needs.languages),
      mistakes,
    },
  }
}

const longest = 320

/** Fields `email`, `name` and `locale`. */
async function invite(needs: InviteNeeds, admin: SignedInPerson, request: PageRequest): Promise<Reply> {
  const { languages } = needs
  if (!mayInvite(needs, admin)) return notFound
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
  const mistake = await tryToInvite(needs, admin, invitation, by)
  if (mistake !== undefined) return show(needs, admin, request, { ...asked, mistakes: [mistake] })
  return redirectSaying(needs, request, paths.admin, 'desk-invite')
}

/** @returns why the invitation failed */
async function tryToInvite(
  needs: InviteNeeds,
  admin: SignedInPerson,
  ...invited: Parameters<LinkMails['inviteFromDesk']>
): Promise<Mistake | undefined> {
  if (!(await isCounted(needs, admin))) return tooOften
  const refused = await refusalOfAddress(needs, invited[0].email)
  return refused ?? send(needs, admin, invited).then(notSent, mistakeOf)
}

/** Counts the try in its own commit, before the answer: a refusal also counts, since it shows which addresses have an account. */
const isCounted = ({ store, limits }: InviteNeeds, { user }: SignedInPerson): Promise<boolean> =>
  store.desk.withPeople([user.id], ({ countAct }) => countAct(user.id, 'any', limits.actsPerHour))

async function refusalOfAddress({ isReserved }: InviteNeeds, email: string): Promise<Mistake | undefined> {
  if (isEmailAddress(email) && (await isReserved({ username: email, email }))) return hasAccount
  return looksLikeAnother(email) ? lookAlike : undefined
}

const send = (
  { store, canChangePassword }: InviteNeeds,
  { user }: SignedInPerson,
  invited: Parameters<LinkMails['inviteFromDesk']>,
): Promise<DeskInvited> =>
  store.desk.withPeople([user.id], ({ mailLinks }) =>
    createLinkMails({ mailLinks, canChangePassword }).inviteFromDesk(...invited),
  )

const hasAccount: Mistake = { key: 'email-has-account', control: 'email' }
const lookAlike: Mistake = { key: 'email-look-alike', control: 'email' }
const tooOften: Mistake = { key: 'desk-too-often', control: 'email' }

const notSent = (invited: DeskInvited): Mistake | undefined =>
  invited === 'sent' ? undefined : { key: whyNot[invited], control: 'email' }

const whyNot = {
  'already-invited': 'invited-with-groups',
  'too-often': 'invited-too-often',
} as const

/** @throws an error that is no mistake in the form */
function mistakeOf(error: unknown): Mistake {
  if (hasCode(error, 'EMAIL_TAKEN')) return hasAccount
  if (hasCode(error, 'EMAIL_INVALID')) return { key: 'email-invalid', control: 'email' }
  if (!hasCode(error, 'USERNAME_INVALID')) throw error
  return { key: 'text-not-taken', control: 'name' }
}
