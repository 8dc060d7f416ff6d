// One try to sign in with a password: it takes a place of the account and the address, asks the sources, and counts a failure.
import { setTimeout } from 'node:timers/promises'
import type { FactorKind } from '../../factor-kind.ts'
import { askedFrom } from '../../describe-agent.ts'
import type { Mail } from '../../mails.ts'
import type { AttemptKeys, AttemptLimits, Attempts, BegunAttempt, FoundAttempt } from '../../store/people/attempts.ts'
import type { User } from '../../store/people/user.ts'
import { isNameRefused } from '../../store/people/user-names.ts'
import type { Users } from '../../store/people/users.ts'
import type { LoadedAccount } from '../../store/sessions/accounts.ts'
import { lockedMail } from '../notices.ts'
import type { Ceiling } from '../passwords/ceiling.ts'
import { decideLockout, defaultLimits } from '../passwords/lockout.ts'
import { mergeUser } from './merge-user.ts'
import type { PasswordAnswer, PasswordAttempt, UserSource } from './user-source.ts'

export type SignInOutcome =
  | {
      readonly kind: 'passed'
      readonly user: User
      readonly amr: readonly ['pwd']
      /** Plain JSON, for `signIns.finish` as `clearAttempts`: that forgets the failures before. */
      readonly attempt: AttemptKeys
      /** Opaque. It changes when a password is set or all sessions are ended; the sign-in is valid until then. */
      readonly standing: string
      /** The kinds of their second factors, as of that standing. */
      readonly factors: readonly FactorKind[]
      /** The same as `load` would say now, without a session; undefined where that has to be asked. */
      readonly account?: LoadedAccount | undefined
    }
  | Refused
  /** Too many failures from this address, or too many passwords to check: 429. */
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number }

/** The reason is for the audit log: the person gets the same text and status after the same time, but for `must-change`, which only who has the
 *  right password is told. */
interface Refused {
  readonly kind: 'refused'
  readonly reason: 'wrong-password' | 'unknown-user' | 'locked' | 'disabled' | 'name-taken' | 'must-change'
  readonly userId: string | undefined
}

export interface TryNeeds {
  /** One or more, in the order in which they are asked about a login that no record has. */
  readonly sources: readonly UserSource[]
  readonly store: { readonly attempts: Attempts; readonly users: Pick<Users, 'adopt' | 'findAdopted'> }
  readonly limits?: AttemptLimits
  /** Given where addresses are unknown (`allowUntrustedProxy`): it takes the place of the limit of an address. */
  readonly ceiling?: Ceiling | undefined
  /** Milliseconds that no clock change moves; and a wait of so many. */
  readonly clock?: Clock | undefined
}

interface Clock {
  now(): number
  wait(milliseconds: number): Promise<unknown>
}

const realClock: Clock = { now: () => performance.now(), wait: (milliseconds) => setTimeout(milliseconds) }

interface Try {
  readonly login: string
  readonly password: string
  readonly address: string
  readonly clientUid?: string | undefined
}

export async function tryPassword(needs: TryNeeds, attempt: Try): Promise<SignInOutcome> {
  const { store, ceiling, limits = defaultLimits, clock = realClock } = needs
  const beganAt = clock.now()
  const waitSeconds = ceiling?.wait()
  if (waitSeconds !== undefined) return { kind: 'busy', retryAfterSeconds: waitSeconds }
  const address = ceiling === undefined ? attempt.address : undefined
  const { login, clientUid } = attempt
  const begun = await store.attempts.start({ login, address, limits, clientUid })
  const decision = decideLockout(begun)
  if (decision.kind === 'address-locked') return { kind: 'busy', retryAfterSeconds: decision.retryAfterSeconds }
  const look = decision.kind === 'locked' ? pretend : prove
  const found = createFound(needs, begun)
  const proof = await answerOrRelease(needs, [begun, found], () => look(needs, attempt, begun, found))
  if ('reason' in proof && proof.reason === 'must-change') {
    // nothing was guessed, and whoever has the right password may come again
    await releaseAll(store.attempts, begun, found)
    return { kind: 'refused', reason: proof.reason, userId: (found.begun ?? begun).user?.id }
  }
  if ('reason' in proof) {
    // before the wait: the time must not show that a name led to an account
    if (found.begun) await store.attempts.fail(found.begun.keys, limits, lockMail(found.begun, attempt, limits))
    const early = untilNextStep(needs.sources, clock.now() - beganAt)
    if (early > 0) await clock.wait(early)
    // the same statement for every reason: the time must not show which it was
    await store.attempts.fail(begun.keys, limits, lockMail(begun, attempt, limits))
    ceiling?.count()
    return { kind: 'refused', reason: proof.reason, userId: (found.begun ?? begun).user?.id }
  }
  const counted = found.begun === undefined ? begun.keys : { ...begun.keys, found: found.begun.keys.account }
  return { kind: 'passed', ...proof, amr: ['pwd'], attempt: counted, account: accountOf(begun, proof) }
}

/** What the first statement of the attempt has read is all about a person whose source knows no more than their record. */
function accountOf(
  { user, consent }: BegunAttempt,
  proof: Exclude<Proof, Pick<Refused, 'reason'>>,
): LoadedAccount | undefined {
  if (user !== proof.user) return undefined
  const { standing, factors } = proof
  return { user, standing, factors, consent, sessionLive: true }
}

/** The account that a source found under a name that does not lead to its record: it has a counter of its own, beside that of the name. */
interface Found {
  begun?: FoundAttempt
  mayTry(source: UserSource, key: string): Promise<boolean>
}

function createFound({ store, limits = defaultLimits }: TryNeeds, { user }: BegunAttempt): Found {
  return {
    async mayTry({ id: source }, key) {
      // the place that was taken is that of this very account
      if (user?.source === source && user.sourceKey === key) return true
      this.begun = await store.attempts.startFound({ source, key, limits })
      return this.begun.keys.accountPlace !== undefined
    },
  }
}

/** @returns the milliseconds until a refusal may be told; 0 where all sources take the same time by themselves */
function untilNextStep(sources: readonly UserSource[], sinceBeginMs: number): number {
  const step = Math.max(0, ...sources.map(({ refusalStepMs = 0 }) => refusalStepMs))
  return step === 0 ? 0 : Math.ceil(Math.max(sinceBeginMs, 1) / step) * step - sinceBeginMs
}

/** Made for each failure of a known person; only the one that locks the account queues it. */
function lockMail(
  { user, keys }: Pick<BegunAttempt, 'user' | 'keys'>,
  { address }: Try,
  { lockMs }: AttemptLimits,
): Mail | undefined {
  if (user === undefined || user.disabled || keys.accountPlace === undefined) return undefined
  return lockedMail(user, { key: keys.accountPlace, at: new Date(), asked: askedFrom({ address }) }, lockMs / 60_000)
}

type Proof = Pick<Extract<SignInOutcome, { kind: 'passed' }>, 'user' | 'standing' | 'factors'> | Pick<Refused, 'reason'>

async function pretend({ sources }: TryNeeds, { password }: Try, { user }: BegunAttempt): Promise<Proof> {
  const source = sources.find(({ id }) => id === user?.source) ?? sources[0]
  await source?.pretendToCheck(password)
  return { reason: 'locked' }
}

/** An attempt that got no answer is not counted: nobody is locked out by an outage. */
async function answerOrRelease(
  { store }: TryNeeds,
  [begun, found]: [BegunAttempt, Found],
  look: () => Promise<Proof>,
): Promise<Proof> {
  try {
    return await look()
  } catch (error) {
    // when our own database is away this fails as well; the places end by themselves
    await releaseAll(store.attempts, begun, found).catch(() => undefined)
    throw error
  }
}

async function releaseAll(attempts: Attempts, begun: BegunAttempt, found: Found): Promise<void> {
  const taken = [begun.keys, ...(found.begun === undefined ? [] : [found.begun.keys])]
  await Promise.all(taken.map((keys) => attempts.release(keys)))
}

async function prove(needs: TryNeeds, attempt: Try, begun: BegunAttempt, found: Found): Promise<Proof> {
  const { user, passwordHash, standing = '', factors } = begun
  const known = user && { user, passwordHash }
  const asked = needs.sources.filter(({ id }) => user === undefined || id === user.source)
  const { source, answer } = await askInOrder(asked, { ...attempt, known }, found)
  if (source === undefined || answer.kind === 'unknown') return { reason: 'unknown-user' }
  if (answer.kind === 'wrong') return { reason: 'wrong-password' }
  if (answer.kind === 'must-change') return { reason: user?.disabled ? 'disabled' : 'must-change' }
  if (answer.kind === 'locked') return { reason: 'locked' }
  if (user?.disabled || answer.found?.person.disabled) return { reason: 'disabled' }
  if (answer.found !== undefined) return recordOf(needs, source, answer.found, attempt)
  return user === undefined ? { reason: 'unknown-user' } : { user, standing, factors }
}

/** Asks only the person's own source when a record has the login; else each source until one knows it. */
async function askInOrder(
  sources: readonly UserSource[],
  attempt: Omit<PasswordAttempt, 'mayTry'>,
  found: Found,
): Promise<{ source?: UserSource; answer: PasswordAnswer }> {
  for (const source of sources) {
    const answer = await source.checkPassword({ ...attempt, mayTry: (key) => found.mayTry(source, key) })
    if (answer.kind !== 'unknown') return { source, answer }
  }
  return { answer: { kind: 'unknown' } }
}

/** An equal name does not prove that it is the same person: whoever comes for the first time with a name of another record does not get in.
 *  Whoever was here before keeps the names of their record until the new ones are free. */
async function recordOf(
  { store }: TryNeeds,
  source: UserSource,
  { key, person }: NonNullable<Extract<PasswordAnswer, { kind: 'right' }>['found']>,
  { address }: Try,
): Promise<Proof> {
  const created = { event: 'account.created', outcome: 'success', reason: source.id, address } as const
  try {
    const { user, ...found } = await store.users.adopt({ source: source.id, key, person }, [created])
    return user.disabled ? { reason: 'disabled' } : { ...found, user: mergeUser(user, person) }
  } catch (error) {
    if (!isNameRefused(error)) throw error
    const known = await store.users.findAdopted({ source: source.id, key })
    if (known === undefined) return { reason: 'name-taken' }
    return known.user.disabled ? { reason: 'disabled' } : { ...known, user: mergeUser(known.user, person) }
  }
}
