import { hasCode } from '@nauthera/runtime/coded-error'
import type { Failures, FailuresOfPerson } from '../store/people/attempts.ts'
import type { AuditRecord } from '../store/audit/audit.ts'
import type { Authorization } from '../store/tokens/authorizations.ts'
import type { DeskRequest } from '../store/desk.ts'
import type { Device } from '../store/sessions/devices.ts'
import type { Factor } from '../store/factors/factors.ts'
import type { Store } from '../store/store.ts'
import type { UpstreamLink } from '../store/factors/upstream-links.ts'
import type { User } from '../store/people/user.ts'
import { codeLimits } from '../users/factors/second-factors.ts'
import { defaultLimits } from '../users/passwords/lockout.ts'
import type { UserSources } from '../users/sources/user-sources.ts'

/** What the help desk sees of a person; never a secret. */
export interface PersonState {
  readonly user: User
  /** Whether the person's source answered, and still has the person. */
  readonly sourceSays: 'known' | 'gone' | 'away'
  readonly failures: { readonly [Of in keyof FailuresOfPerson]: CountedFailures | undefined }
  /** Whether a mail with a reset link is possible. */
  readonly canReset: boolean
  readonly factors: readonly Factor[]
  readonly links: readonly UpstreamLink[]
  readonly sessions: readonly SessionState[]
  /** The newest ones; the account page shows all. */
  readonly authorizations: readonly Authorization[]
  /** The newest first. */
  readonly signIns: readonly AuditRecord[]
  /** Requests about this person that wait for a second member. */
  readonly requests: readonly DeskRequest[]
}

/** Failures that still count, and whether they lock the account or address. */
export interface CountedFailures extends Failures {
  readonly isLocked: boolean
}

export interface SessionState {
  readonly device: Device
  /** The number of applications in the session. */
  readonly clients: number
}

export interface StateNeeds {
  readonly store: Pick<
    Store,
    'accounts' | 'attempts' | 'devices' | 'authorizations' | 'factors' | 'upstreamLinks' | 'audit' | 'desk'
  >
  /** Of the sources of people. */
  readonly load: UserSources['load']
  readonly canChangePassword: UserSources['canChangePassword']
  readonly sendsMail: boolean
}

const signInsShown = 10
const authorizationsShown = 50

/** @returns undefined when nobody has this id
 *  @throws CodedError STORE_UNAVAILABLE; when the person's own source is away, the record alone is shown */
export async function loadPersonState(needs: StateNeeds, userId: string): Promise<PersonState | undefined> {
  const { store } = needs
  const record = await store.accounts.load({ userId })
  if (record === undefined) return undefined
  const [described, failures, factors, links, devices, authorizations, signIns, requests] = await Promise.all([
    describe(needs, userId),
    store.attempts.failuresOf(userId),
    store.factors.of(userId),
    store.upstreamLinks.of(userId),
    store.devices.listOfUser(userId),
    store.authorizations.listOfUser(userId, { skip: 0, limit: authorizationsShown }),
    store.audit.search({ userId, event: 'signin', limit: signInsShown }),
    store.desk.requests(userId),
  ])
  const sessions = devices.filter(({ client }) => client === undefined)
  const bySession = Map.groupBy(devices, ({ sessionUid }) => sessionUid)
  const user = described.user ?? record.user
  const canGetMail = needs.sendsMail && !user.disabled && user.email !== undefined
  return {
    ...described,
    user,
    canReset: canGetMail && needs.canChangePassword(user),
    failures: {
      signIns: counted(failures.signIns, defaultLimits),
      codes: counted(failures.codes, codeLimits),
    },
    factors,
    links,
    sessions: sessions.map((device) => ({
      device,
      clients: (bySession.get(device.sessionUid) ?? []).filter(({ client }) => client !== undefined).length,
    })),
    authorizations,
    signIns,
    requests,
  }
}

const counted = (failures: Failures | undefined, { perAccount }: { readonly perAccount: number }) =>
  failures && { ...failures, isLocked: failures.count >= perAccount }

async function describe(
  { load }: StateNeeds,
  userId: string,
): Promise<Pick<PersonState, 'sourceSays'> & { user?: User | undefined }> {
  try {
    const user = (await load({ userId }))?.user
    return { user, sourceSays: user === undefined ? 'gone' : 'known' }
  } catch (error) {
    if (hasCode(error, 'STORE_UNAVAILABLE')) return { sourceSays: 'away' }
    throw error
  }
}
