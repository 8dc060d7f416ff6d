import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../store/audit.ts'
import type { Store } from '../store/store.ts'
import type { User } from '../store/user.ts'
import { factorNotice } from '../users/factors/notice.ts'
import { shortLifeMinutes } from '../users/link-mails.ts'
import type { LinkMails } from '../users/link-mails.ts'
import type { PersonState } from './person-state.ts'

// What the help desk can do for a person: one row each. A confirmation comes first, whatever it is.

export interface Act {
  /** In the address; its texts are `act.<id>` and so on. */
  readonly id: string
  /** Whether it ends something: the button then looks like it. */
  readonly isSevere: boolean
  /** What its text names. */
  readonly values?: Readonly<Record<string, number>>
  /** Whether there is anything to do. */
  isOffered(state: PersonState): boolean
  /** What the audit log says about the person, beside who did it. */
  readonly events: readonly AuditEvent['event'][]
  /** @returns whether it was done */
  carryOut(needs: ActNeeds, user: User, events: readonly AuditEvent[]): Promise<boolean>
}

export interface ActNeeds {
  readonly store: Pick<Store, 'users' | 'attempts' | 'factors' | 'upstreamLinks'>
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Undefined where no mail is sent. */
  readonly linkMails: Pick<LinkMails, 'sendReset'> | undefined
}

export const acts: readonly Act[] = [
  {
    id: 'unlock',
    isSevere: false,
    isOffered: ({ failures: { signIns, codes } }) => signIns !== undefined || codes !== undefined,
    events: ['account.unlocked'],
    carryOut: ({ store }, { id }, events) => store.attempts.unlock(id, events),
  },
  {
    id: 'send-reset',
    isSevere: false,
    isOffered: ({ canReset }) => canReset,
    events: ['password.reset_requested'],
    values: { minutes: shortLifeMinutes },
    carryOut: async ({ linkMails }, user, audit) =>
      (await linkMails?.sendReset(user, { onceKey: `desk-reset:${randomUUID()}`, audit }))?.kind === 'sent',
  },
  {
    id: 'enable',
    isSevere: false,
    isOffered: ({ user }) => user.disabled,
    events: ['account.enabled'],
    carryOut: ({ store }, { id }, events) => store.users.setDisabled(id, false, events),
  },
  {
    id: 'sign-out',
    isSevere: true,
    isOffered: ({ user }) => !user.disabled,
    events: ['session.revoked_all'],
    carryOut: ({ store }, { id }, events) => store.users.revokeSessions(id, events),
  },
  {
    id: 'reset-factors',
    isSevere: true,
    isOffered: ({ factors }) => factors.length > 0,
    events: ['factor.removed', 'session.revoked_all'],
    carryOut: async ({ store, now }, user, events) => {
      const notice = factorNotice(user, { change: 'factors-reset', now: now() })
      return (await store.factors.reset(user.id, events, notice)) !== undefined
    },
  },
  {
    id: 'unlink',
    isSevere: true,
    isOffered: ({ links }) => links.some(({ isOrigin }) => !isOrigin),
    events: ['account.unlinked', 'session.revoked_all'],
    carryOut: async ({ store, now }, user, audit) => {
      const mail = factorNotice(user, { change: 'upstream-unlinked', now: now() })
      return (await store.upstreamLinks.unlink(user.id, undefined, { audit, mail })) > 0
    },
  },
  {
    id: 'disable',
    isSevere: true,
    isOffered: ({ user }) => !user.disabled,
    events: ['account.disabled'],
    carryOut: ({ store }, { id }, events) => store.users.setDisabled(id, true, events),
  },
]
