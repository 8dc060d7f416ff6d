// Stores a new second factor with all that it comes with, whatever its kind: recovery codes, mails, and the sessions and links that go.
import type { FactorKind } from '../../factor-kind.ts'
import { askedFrom } from '../../describe-agent.ts'
import type { Enrolled, NewFactor } from '../../store/factors/needs.ts'
import { isStillStanding } from '../../store/people/standing.ts'
import type { Accounts } from '../../store/sessions/accounts.ts'
import { factorNotice, unlinkedNotice } from './notice.ts'
import type { FactorChange } from './notice.ts'
import { mintRecoveryCodes, parseRecoveryCode } from './recovery-codes.ts'

export interface EnrolledFactor {
  readonly kind: 'enrolled'
  /** Of the person, with the factor, and when that began by the clock of the database. */
  readonly standing: string
  readonly since: Date
  /** To show once; empty when the person has some that still work. */
  readonly recoveryCodes: readonly string[]
  /** What its making proved (`amr`, RFC 8176). */
  readonly methods: readonly string[]
}

export type EnrolOutcome =
  | EnrolledFactor
  | { readonly kind: 'wrong' }
  /** The person has another standing by now, or is disabled. */
  | { readonly kind: 'ended' }

interface NewFactorNeeds {
  readonly store: { readonly accounts: Pick<Accounts, 'load'> }
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** @param factor.standing as proved in this sign-in: nothing is stored when it has changed
 *  @param insert stores it
 *  @returns undefined when `insert` stored nothing
 *  @throws CodedError STORE_UNAVAILABLE */
export async function storeNewFactor(
  { store, now }: NewFactorNeeds,
  factor: { userId: string; standing: string; kind: FactorKind; methods: readonly string[] },
  { event, languages, others, keepsLinks, cameBy }: FactorChange,
  insert: (factor: NewFactor) => Promise<Enrolled | undefined>,
): Promise<EnrolledFactor | { readonly kind: 'ended' } | undefined> {
  const { userId, standing, kind, methods } = factor
  const account = await store.accounts.load({ userId })
  if (account === undefined || !isStillStanding(account, standing)) return { kind: 'ended' }
  const recoveryCodes = mintRecoveryCodes()
  const about = { now: now(), asked: askedFrom(event), languages }
  const stored = await insert({
    userId,
    standing,
    recoveryCodes: recoveryCodes.map((shown) => parseRecoveryCode(shown)!),
    others,
    audit: [event],
    mail: factorNotice(account.user, { ...about, change: `${kind}-added` }),
    unlinked: keepsLinks ? undefined : unlinkedNotice(account.user, event, about),
    cameBy,
  })
  if (stored === undefined) return undefined
  const { codesStored, ...moved } = stored
  return { kind: 'enrolled', ...moved, recoveryCodes: codesStored ? recoveryCodes : [], methods }
}
