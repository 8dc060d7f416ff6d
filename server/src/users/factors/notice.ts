// A change of a second factor, and the mail about it.
import { randomUUID } from 'node:crypto'
import type { AskedFrom } from '../../describe-agent.ts'
import type { ChangedFactor, Mail } from '../../mails.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { NewFactor } from '../../store/factors/needs.ts'
import type { OtherSessions } from '../../store/people/standing.ts'
import type { User } from '../../store/people/user.ts'
import { languagesFor } from '../notices.ts'

/** How a change is made. */
export interface FactorChange {
  readonly event: AuditEvent
  /** Of the request: in one of them the mail about it is written, when the person has no language. */
  readonly languages?: readonly string[] | undefined
  /** Which sessions go on. Default: none. */
  readonly others?: OtherSessions | undefined
  /** Whether identities at other providers stay that were linked by the password alone. Default: they go with the first factor. */
  readonly keepsLinks?: boolean | undefined
  /** In a sign-in at another provider: the identity there, which stays. */
  readonly cameBy?: NewFactor['cameBy']
}

/** Told where identities at other providers go with the first factor. @param event of the new factor */
export const unlinkedNotice = (
  user: Parameters<typeof factorNotice>[0],
  event: AuditEvent,
  about: Omit<Parameters<typeof factorNotice>[1], 'change'>,
) => ({
  audit: [{ ...event, event: 'account.unlinked', reason: 'first-factor' } as const],
  mail: factorNotice(user, { ...about, change: 'upstream-removed' }),
})

/** The mail about a change of a person's second factors.
 *  @param now epoch milliseconds; @param languages of the request of that person
 *  @returns undefined for a person without an address */
export function factorNotice(
  user: Pick<User, 'email' | 'name' | 'username' | 'locale' | 'preferences'>,
  about: {
    change: ChangedFactor
    now: number
    asked?: AskedFrom | undefined
    languages?: readonly string[] | undefined
  },
): Mail | undefined {
  const { email, name, username } = user
  if (email === undefined) return undefined
  const { change, now, asked, languages = [] } = about
  return {
    onceKey: `factor-changed:${randomUUID()}`,
    to: email,
    template: 'factor-changed',
    languages: languagesFor(user, languages),
    data: { person: name ?? username, change, at: new Date(now).toISOString(), asked },
  }
}

/** The mail to the address that was a person's until now. */
export const addressMovedMail = (before: Parameters<typeof factorNotice>[0]): Mail | undefined =>
  factorNotice(before, { change: 'address-moved', now: Date.now() })
