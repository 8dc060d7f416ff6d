// Sends links by mail: to set a new password, confirm an address, or join. The statement that uses a link also consumes it
// (credentials.ts, users.ts, mail-links.ts of the store).
import { paths } from '@nauthera/rules/endpoints'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Fault } from '@nauthera/runtime/coded-error'
import { hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import { askedFrom } from '../../describe-agent.ts'
import type { AskedFrom } from '../../describe-agent.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { canonicalName } from '../../store/people/canonical-name.ts'
import { looksLikeAnother } from '../../store/people/look-alikes.ts'
import { faultsOfGroup } from '../../store/people/groups.ts'
import { mintLinkToken } from '../../store/people/link-token.ts'
import type { LinkToken } from '../../store/people/link-token.ts'
import type { AddedForEmail, MailLimit, MailLinks } from '../../store/people/mail-links.ts'
import type { User } from '../../store/people/user.ts'
import { emailAddressOf } from '../../store/people/email-address.ts'
import { languagesFor } from '../notices.ts'

export interface LinkMails {
  /** Sends a person a link to set a new password. `sent-before`: an earlier try has sent this mail.
   *  @param by.onceKey of the mail: the same request sends one mail
   *  @param by.limit default: none */
  sendReset(
    user: User,
    by: SentBy & { onceKey: string; limit?: MailLimit; payload?: ResetPayload },
  ): Promise<Sent | { readonly kind: 'sent-before' }>
  /** Sends a person a link that confirms their e-mail address. */
  sendVerify(user: User, by: SentBy): Promise<Sent>
  /** Invites somebody who has no account; an earlier invitation to this address ends.
   *  @returns the page that the mail leads to, below the issuer
   *  @throws CodedError EMAIL_TAKEN, EMAIL_INVALID, USERNAME_INVALID, GROUP_NAME_INVALID */
  invite(invitation: Invitation, by: SentBy): Promise<{ path: string }>
  /** Invites somebody as the help desk may: with no group, and not in the place of an invitation that brings groups.
   *  @throws CodedError EMAIL_TAKEN, EMAIL_INVALID, USERNAME_INVALID */
  inviteFromDesk(invitation: Omit<Invitation, 'groups'>, by: SentBy): Promise<DeskInvited>
  /** Sends a link that completes a registration. The address is not known yet.
   *  @returns false when nothing was sent */
  sendRegistration(email: string, by: SentBy & { onceKey: string; limit: MailLimit }): Promise<boolean>
}

export interface SentBy {
  readonly languages?: readonly string[]
  readonly asked?: AskedFrom | undefined
  readonly audit: readonly AuditEvent[]
}

export type Sent =
  /** `path`: the page that the mail leads to, below the issuer. */
  | { readonly kind: 'sent'; readonly path: string }
  /** Nothing was sent. `other-source`: their password is changed elsewhere. */
  | { readonly kind: 'refused'; readonly reason: 'disabled' | 'no-address' | 'other-source' | 'limited' }

/** Only `sent` has sent a mail. `already-invited`: an administrator's invitation with groups is still open. */
export type DeskInvited = 'sent' | 'already-invited' | 'too-often'

/** What a link to set a password remembers of the sign-in in which it was asked for. */
export type ResetPayload = { readonly client?: string | undefined }

export interface Invitation {
  readonly email: string
  readonly name?: string | undefined
  readonly locale?: string | undefined
  /** Names; new groups are created when the invitation is accepted. */
  readonly groups?: readonly string[] | undefined
}

/** Milliseconds. */
const shortLife = 30 * 60_000
/** How long links work that somebody waits for. */
export const shortLifeMinutes = shortLife / 60_000
const invitationLife = 7 * 86_400_000
const hour = 3_600_000
/** Invitations of one address in an hour, those of administrators too. */
const mostOfDesk = 3
const mostOfAdministrator = 1_000_000

export function createLinkMails(needs: {
  mailLinks: Pick<MailLinks, 'addForPerson' | 'addForEmail'>
  /** Whether the password of a person can be changed here. */
  canChangePassword: (user: User) => boolean
}): LinkMails {
  const { mailLinks, canChangePassword } = needs
  return {
    async sendReset(user, { onceKey, limit, payload = {}, languages = [], asked, audit }) {
      const reason = refusalOf(user) ?? (canChangePassword(user) ? undefined : 'other-source')
      if (reason !== undefined) return { kind: 'refused', reason }
      const { token, path } = mintLink(paths.reset)
      const data = { person: nameOf(user), path, minutes: shortLifeMinutes, asked }
      const mail = { ...mailTo(user, languages), onceKey, template: 'reset', giveUpAfterMs: shortLife, data } as const
      const link = { token, kind: 'reset', lifeMs: shortLife, payload, mail, audit } as const
      const added = await mailLinks.addForPerson(user.id, link, limit)
      if (added === 'sent-before') return { kind: 'sent-before' }
      return added === 'added' ? { kind: 'sent', path } : limited
    },
    async sendVerify(user, { languages = [], audit }) {
      const reason = refusalOf(user)
      if (reason !== undefined) return { kind: 'refused', reason }
      const { token, path, key } = mintLink(paths.verifyEmail)
      const data = { person: nameOf(user), path, minutes: shortLifeMinutes }
      const about = { ...mailTo(user, languages), giveUpAfterMs: shortLife, data }
      const mail = { ...about, onceKey: `verify:${key}`, template: 'verify' } as const
      const link = { token, kind: 'verify', lifeMs: shortLife, mail, audit } as const
      return (await mailLinks.addForPerson(user.id, link)) === 'added' ? { kind: 'sent', path } : limited
    },
    async invite(invitation, by) {
      const limit = { most: mostOfAdministrator, windowMs: hour }
      return { path: (await sendInvitation(mailLinks, invitation, by, { limit })).path }
    },
    async inviteFromDesk({ email, name, locale }, by) {
      const rules = { limit: { most: mostOfDesk, windowMs: hour }, keepsGroups: true }
      const { outcome } = await sendInvitation(mailLinks, { email, name, locale }, by, rules)
      if (outcome === 'has-groups') return 'already-invited'
      return outcome === 'limited' ? 'too-often' : 'sent'
    },
    async sendRegistration(email, { onceKey, limit, languages = [], asked = askedFrom({}), audit }) {
      const { token, path } = mintLink(paths.register)
      const data = { path, minutes: shortLifeMinutes, asked }
      const mail = { to: email, languages, onceKey, template: 'registration', giveUpAfterMs: shortLife, data } as const
      const link = { token, kind: 'registration', lifeMs: shortLife, payload: { email }, mail, audit } as const
      const added = await mailLinks.addForEmail(canonicalName(email), link, { limit })
      return added === 'added' || added === 'sent-before'
    },
  }
}

async function sendInvitation(
  mailLinks: Pick<MailLinks, 'addForEmail'>,
  { email: written, name, locale, groups = [] }: Invitation,
  { languages = [], audit }: SentBy,
  rules: { limit: MailLimit; keepsGroups?: boolean },
): Promise<{ outcome: Exclude<AddedForEmail, 'has-account'>; path: string }> {
  const email = checkedAddress(written)
  checkInvited({ name, locale, groups })
  const { token, path, key } = mintLink(paths.invitation)
  const data = { path, days: invitationLife / 86_400_000 }
  const to = { to: email, languages: languagesFor({ locale }, languages) }
  const mail = { ...to, onceKey: `invitation:${key}`, template: 'invitation', data } as const
  const payload = { email, groups, name, locale }
  const link = { token, kind: 'invitation', lifeMs: invitationLife, payload, mail, audit } as const
  const outcome = await mailLinks.addForEmail(canonicalName(email), link, rules)
  if (outcome !== 'has-account') return { outcome, path }
  const faults = [{ path: 'email', message: `${email} belongs to another person` }]
  throw new CodedError('EMAIL_TAKEN', { faults })
}

const limited: Sent = { kind: 'refused', reason: 'limited' }

function refusalOf(user: User): 'disabled' | 'no-address' | undefined {
  if (user.disabled) return 'disabled'
  return user.email === undefined ? 'no-address' : undefined
}

const nameOf = (user: User): string => user.name ?? user.username

const mailTo = (user: User, languages: readonly string[]) => ({
  to: user.email ?? '',
  languages: languagesFor(user, languages),
})

/** @returns `key` names the link without opening it */
function mintLink(page: string): { token: LinkToken; path: string; key: string } {
  const token = mintLinkToken()
  return { token, path: `${page}/${token.plain}`, key: token.hash.toString('hex') }
}

/** As the account will have to be: nobody should find out when they accept. */
function checkInvited({ name = '', locale = '', groups = [] }: Omit<Invitation, 'email'>): void {
  const unfit = (path: string, value: string, most: number): Fault[] => {
    if (value.length > most) return [{ path, message: `must have at most ${most} characters` }]
    return hasHiddenInName(value) ? [{ path, message: 'must not contain invisible characters' }] : []
  }
  const faults = [...unfit('name', name, longestName), ...unfit('locale', locale, longestTag)]
  if (faults.length > 0) throw new CodedError('USERNAME_INVALID', { faults })
  const ofGroups = groups.flatMap(faultsOfGroup)
  if (ofGroups.length > 0) throw new CodedError('GROUP_NAME_INVALID', { faults: ofGroups })
}

/** Characters. */
const longestName = 200
const longestTag = 35

/** @returns as it is stored */
function checkedAddress(written: string): string {
  const email = emailAddressOf(written)
  if (email === undefined) {
    const message = 'must be an e-mail address'
    throw new CodedError('EMAIL_INVALID', { faults: [{ path: 'email', message }] })
  }
  // it becomes the user name
  if (looksLikeAnother(written)) {
    const message = 'must not mix alphabets, or have characters that look like others'
    throw new CodedError('EMAIL_INVALID', { faults: [{ path: 'email', message }] })
  }
  return email
}
