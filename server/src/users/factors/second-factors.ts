// Checks and enrols second factors. The database counts wrong codes of an account: only a right code or an administrator resets the count.
import { askedFrom } from '../../describe-agent.ts'
import type { ChangedFactor, Mail } from '../../mails.ts'
import type { AsAdmitted } from '../../store/people/standing.ts'
import type { Ways } from '../../store/people/ways.ts'
import type { Accounts } from '../../store/sessions/accounts.ts'
import type { Factor, Factors } from '../../store/factors/factors.ts'
import type { CodeLimits } from '../../store/factors/wrong-codes.ts'
import { storeNewFactor } from './new-factor.ts'
import type { EnrolOutcome } from './new-factor.ts'
import { factorNotice } from './notice.ts'
import type { FactorChange } from './notice.ts'
import { mintRecoveryCodes, parseRecoveryCode } from './recovery-codes.ts'
import { matchStep } from './totp.ts'

/** Ten wrong codes in a day lock the codes of the account for an hour. Passkeys cannot be guessed and go on. */
export const codeLimits: CodeLimits = { perAccount: 10, windowMs: 86_400_000, lockMs: 3_600_000 }

export type CodeOutcome =
  | { readonly kind: 'passed' }
  /** `used`: it was right, but it, or a later one, was used before. */
  | { readonly kind: 'wrong'; readonly reason: 'wrong-code' | 'used-code' }
  | { readonly kind: 'locked'; readonly seconds: number }

export interface SecondFactors {
  /** Checks a code of the person's authenticator app. It works once, ever, on all replicas.
   *  @throws CodedError STORE_UNAVAILABLE: an outage is no outcome, and counts as no wrong code */
  checkCode(userId: string, code: string): Promise<CodeOutcome>
  /** Uses one of the recovery codes.
   *  @throws CodedError STORE_UNAVAILABLE */
  consumeRecoveryCode(
    userId: string,
    typed: string,
    by: Pick<FactorChange, 'event' | 'languages'>,
  ): Promise<CodeOutcome>
  /** Makes an authenticator app a second factor of the person, when the code proves that it has the seed. An earlier one is replaced.
   *  @param standing as proved in this sign-in: nothing is stored when it has changed
   *  @throws CodedError STORE_UNAVAILABLE */
  enrolApp(
    app: FactorChange & { userId: string; standing: string; seed: string; code: string; name: string },
  ): Promise<EnrolOutcome>
  /** Makes ten new recovery codes; the earlier ones do not work any more.
   *  @returns them, to show once; undefined when the person has no second factor, or another standing by now */
  renewRecoveryCodes(person: AsAdmitted, by: FactorChange): Promise<readonly string[] | undefined>
  /** Removes one factor.
   *  @returns false when it is not there, is the last way to sign in, or the standing has changed */
  removeFactor(
    person: AsAdmitted,
    factor: Pick<Factor, 'id' | 'kind'>,
    by: FactorChange & { readonly ways: Ways },
  ): Promise<boolean>
}

interface Needs {
  readonly store: { readonly factors: Factors; readonly accounts: Accounts }
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly limits?: CodeLimits
}

export function createSecondFactors(needs: Needs): SecondFactors {
  return {
    checkCode: (userId, code) => checkCode(needs, userId, code),
    consumeRecoveryCode: (userId, typed, by) => useRecoveryCode(needs, userId, typed, by),
    enrolApp: (app) => enrolApp(needs, app),
    async renewRecoveryCodes(person, by) {
      const codes = mintRecoveryCodes()
      const told = { audit: [by.event], mail: await noticeOf(needs, person.userId, 'recovery-codes-new', by) }
      const plain = codes.map((shown) => parseRecoveryCode(shown)!)
      return (await needs.store.factors.replaceRecoveryCodes(person, plain, told, by.others)) ? codes : undefined
    },
    async removeFactor(person, { id, kind }, { ways, ...by }) {
      const mail = await noticeOf(needs, person.userId, `${kind}-removed`, by)
      return needs.store.factors.remove(person, id, ways, { audit: [by.event], mail }, by.others)
    },
  }
}

async function checkCode(needs: Needs, userId: string, code: string): Promise<CodeOutcome> {
  const { store, now, limits = codeLimits } = needs
  const { app, lockedSeconds } = await store.factors.findApp(userId, limits)
  if (lockedSeconds > 0) return { kind: 'locked', seconds: lockedSeconds }
  const step = app && matchStep(app.seed, code, now())
  if (app === undefined || step === undefined) return wrong(needs, userId, 'wrong-code')
  // the statement decides; a lock that began since the query above refuses too
  if (await store.factors.consumeStep({ userId, id: app.id, step, limits })) return { kind: 'passed' }
  return wrong(needs, userId, 'used-code')
}

async function useRecoveryCode(needs: Needs, userId: string, typed: string, by: FactorChange): Promise<CodeOutcome> {
  const { store, limits = codeLimits } = needs
  const code = parseRecoveryCode(typed)
  if (code === undefined) return wrong(needs, userId, 'wrong-code')
  const mail = await noticeOf(needs, userId, 'recovery-code-used', by)
  const used = await store.factors.consumeRecoveryCode({ userId, code, limits, audit: [by.event], mail })
  return used ? { kind: 'passed' } : wrong(needs, userId, 'wrong-code')
}

async function wrong(
  { store, limits = codeLimits }: Needs,
  userId: string,
  reason: 'wrong-code' | 'used-code',
): Promise<CodeOutcome> {
  const seconds = await store.factors.countWrongCode(userId, limits)
  return seconds > 0 ? { kind: 'locked', seconds } : { kind: 'wrong', reason }
}

async function noticeOf(
  { store, now }: Needs,
  userId: string,
  change: ChangedFactor,
  { event, languages }: FactorChange,
): Promise<Mail | undefined> {
  const user = (await store.accounts.load({ userId }))?.user
  return user && factorNotice(user, { change, now: now(), asked: askedFrom(event), languages })
}

async function enrolApp(
  needs: Needs,
  { userId, standing, seed, code, name, ...by }: Parameters<SecondFactors['enrolApp']>[0],
): Promise<EnrolOutcome> {
  const lastStep = matchStep(seed, code, needs.now())
  if (lastStep === undefined) return { kind: 'wrong' }
  const app = { userId, standing, kind: 'totp', methods: ['otp'] } as const
  const outcome = await storeNewFactor(needs, app, by, (factor) =>
    needs.store.factors.enrolApp({ ...factor, app: { name, seed, lastStep } }),
  )
  return outcome ?? { kind: 'ended' }
}
