import type { AuditEvent } from '../store/audit.ts'
import type { Store } from '../store/store.ts'
import type { PersonState } from './person-state.ts'

// What the help desk can do for a person: one row each. A confirmation comes first, whatever it is.

export interface Act {
  /** In the address; its texts are `act.<id>` and so on. */
  readonly id: string
  /** Whether it ends something: the button then looks like it. */
  readonly isSevere: boolean
  /** Whether there is anything to do. */
  isOffered(state: PersonState): boolean
  /** What the audit log says about the person, beside who did it. */
  readonly event: AuditEvent['event']
  carryOut(store: ActStore, userId: string, events: readonly AuditEvent[]): Promise<unknown>
}

export type ActStore = Pick<Store, 'users' | 'attempts' | 'factors'>

export const acts: readonly Act[] = [
  {
    id: 'unlock',
    isSevere: false,
    isOffered: ({ failures }) => failures !== undefined,
    event: 'account.unlocked',
    carryOut: ({ attempts }, userId, events) => attempts.unlock(userId, events),
  },
  {
    id: 'enable',
    isSevere: false,
    isOffered: ({ user }) => user.disabled,
    event: 'account.enabled',
    carryOut: ({ users }, userId, events) => users.setDisabled(userId, false, events),
  },
  {
    id: 'sign-out',
    isSevere: true,
    isOffered: ({ user }) => !user.disabled,
    event: 'session.revoked_all',
    carryOut: ({ users }, userId, events) => users.revokeSessions(userId, events),
  },
  {
    id: 'reset-factors',
    isSevere: true,
    isOffered: ({ factors }) => factors.length > 0,
    event: 'factor.removed',
    carryOut: ({ factors }, userId, events) => factors.reset(userId, events),
  },
  {
    id: 'disable',
    isSevere: true,
    isOffered: ({ user }) => !user.disabled,
    event: 'account.disabled',
    carryOut: ({ users }, userId, events) => users.setDisabled(userId, true, events),
  },
]
