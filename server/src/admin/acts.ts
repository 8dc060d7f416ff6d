// The acts of the help desk, one row each. Every act asks for confirmation first.
import { randomUUID } from 'node:crypto'
import { handleOf } from '../account/endings.ts'
import { describeAgent } from '../describe-agent.ts'
import type { Capability } from '../settings/admin.ts'
import type { AuditEvent } from '../store/audit/audit-event.ts'
import type { DeskRequest, DeskWork } from '../store/desk.ts'
import type { User } from '../store/people/user.ts'
import { ownSource } from '../store/people/user.ts'
import { factorNotice } from '../users/factors/notice.ts'
import { shortLifeMinutes } from '../users/links/link-mails.ts'
import type { LinkMails } from '../users/links/link-mails.ts'
import type { PersonState, SessionState } from './person-state.ts'

export interface Act {
  /** Part of the address and of the keys of its texts (`act.<id>`). */
  readonly id: string
  /** The capability that a member needs. */
  readonly capability: Capability
  /** A severe act counts for the quota, and the team gets a mail. On a member of a protected group every act is severe. */
  readonly isSevere: boolean
  /** What the act is about, when the person has several. */
  readonly about?: 'session' | 'group'
  /** The values of its text. */
  values?(state: PersonState, about: string): Readonly<Record<string, string | number>>
  /** Whether the act would change anything. */
  isOffered(state: PersonState, about: string): boolean
  /** Whether it takes two members, whoever the person is. */
  takesTwo?(state: PersonState): boolean
  /** The audit events about the person. */
  readonly events: readonly AuditEvent['event'][]
  /** @returns whether it was done */
  carryOut(needs: ActNeeds, on: ActedOn): Promise<boolean>
}

export interface ActNeeds {
  readonly store: Omit<DeskWork, 'people'>
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Undefined when mail is off. */
  readonly linkMails: Pick<LinkMails, 'sendReset'> | undefined
}

export interface ActedOn {
  readonly state: PersonState
  readonly about: string
  readonly audit: readonly AuditEvent[]
  /** One member asked for it, and another one confirms it. */
  readonly isByTwo: boolean
}

/** The most reset links for one person in an hour, with those that they ask for themselves. */
const resetLimit = {
  most: 1_000_000,
  windowMs: 3_600_000,
  asker: { block: 'desk', network: 'desk', most: 5 },
}

export const acts: readonly Act[] = [
  {
    id: 'unlock',
    capability: 'unlock',
    isSevere: false,
    isOffered: ({ failures: { signIns, codes } }) => signIns !== undefined || codes !== undefined,
    events: ['account.unlocked'],
    carryOut: ({ store }, { state, audit }) => store.attempts.unlock(state.user.id, audit),
  },
  {
    id: 'send-reset',
    capability: 'reset',
    isSevere: false,
    isOffered: ({ canReset }) => canReset,
    events: ['password.reset_requested'],
    values: () => ({ minutes: shortLifeMinutes }),
    carryOut: async ({ linkMails }, { state, audit }) =>
      (await linkMails?.sendReset(state.user, { onceKey: `desk-reset:${randomUUID()}`, limit: resetLimit, audit }))
        ?.kind === 'sent',
  },
  {
    id: 'enable',
    capability: 'disable',
    isSevere: true,
    isOffered: ({ user }) => user.disabled,
    // whoever disabled the account had a reason, also when the person is in no protected group any more
    takesTwo: ({ user }) => user.enablingTakesTwo !== false,
    events: ['account.enabled'],
    carryOut: ({ store }, { state, audit }) => store.users.setDisabled(state.user.id, false, audit),
  },
  {
    id: 'sign-out',
    capability: 'disable',
    isSevere: true,
    isOffered: ({ user }) => !user.disabled,
    events: ['session.revoked_all'],
    carryOut: ({ store }, { state, audit }) => store.users.revokeSessions(state.user.id, audit),
  },
  {
    id: 'reset-factors',
    capability: 'reset',
    isSevere: true,
    isOffered: ({ factors }) => factors.length > 0,
    events: ['factor.removed', 'session.revoked_all'],
    carryOut: async ({ store, now }, { state: { user }, audit }) => {
      const notice = factorNotice(user, { change: 'factors-reset', now: now() })
      return (await store.factors.reset(user.id, audit, notice)) !== undefined
    },
  },
  {
    id: 'unlink',
    capability: 'reset',
    isSevere: true,
    isOffered: ({ links }) => links.some(({ isOrigin }) => !isOrigin),
    events: ['account.unlinked', 'session.revoked_all'],
    carryOut: async ({ store, now }, { state: { user }, audit }) => {
      const mail = factorNotice(user, { change: 'upstream-unlinked', now: now() })
      return (await store.upstreamLinks.unlink(user.id, undefined, { audit, mail })) > 0
    },
  },
  {
    id: 'disable',
    capability: 'disable',
    isSevere: true,
    isOffered: ({ user }) => !user.disabled,
    events: ['account.disabled'],
    carryOut: ({ store }, { state, audit, isByTwo }) =>
      store.users.setDisabled(state.user.id, true, audit, isByTwo ? 'higher' : 'member'),
  },
  {
    id: 'end-session',
    capability: 'disable',
    isSevere: true,
    about: 'session',
    isOffered: (state, about) => sessionOf(state, about) !== undefined,
    values: (state, about) => ({ session: nameOfSession(sessionOf(state, about)) }),
    events: ['session.ended'],
    carryOut: async ({ store }, { state, about, audit }) => {
      const session = sessionOf(state, about)?.device
      return session !== undefined && store.devices.signOut(session, audit)
    },
  },
  {
    id: 'add-group',
    capability: 'groups',
    isSevere: true,
    about: 'group',
    isOffered: ({ user }, group) => user.source === ownSource && !hasOwnGroup(user, group),
    values: (_, group) => ({ group }),
    events: ['account.changed'],
    carryOut: ({ store }, { state, about, audit }) => store.groups.addMember(about, state.user.id, audit),
  },
  {
    id: 'remove-group',
    capability: 'groups',
    isSevere: true,
    about: 'group',
    isOffered: ({ user }, group) => user.source === ownSource && hasOwnGroup(user, group),
    values: (_, group) => ({ group }),
    events: ['account.changed'],
    carryOut: ({ store }, { state, about, audit }) => store.groups.removeMember(about, state.user.id, audit),
  },
]

export const actNamed = (id: string | undefined): Act | undefined => acts.find((act) => act.id === id)

export const requestOnPage = ({ act, about, askedBy, expiresAt }: DeskRequest) => ({
  act,
  about: actNamed(act)?.about === 'group' ? about : undefined,
  askedBy: askedBy.username,
  until: expiresAt,
})

const hasOwnGroup = ({ groupOrigins }: Pick<User, 'groupOrigins'>, group: string): boolean =>
  groupOrigins[ownSource]?.includes(group) ?? false

const sessionOf = ({ sessions }: PersonState, handle: string): SessionState | undefined =>
  sessions.find(({ device }) => handleOf(device.sessionUid) === handle)

/** Browser, system and address of the session, as far as known. */
function nameOfSession(session: SessionState | undefined): string {
  const { browser, system } = describeAgent(session?.device.agent)
  return [browser, system, session?.device.ip].filter((part) => part !== undefined).join(', ')
}
