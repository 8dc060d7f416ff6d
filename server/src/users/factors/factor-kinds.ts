// What proves a second factor and what sets one up, by its kind: the same in a sign-in, on the pages of the account and behind a link in a mail.
import type { FactorKind, FactorWord } from '../../factor-kind.ts'
import type { Mistake, PasskeyOnPage } from '../../reply/on-page.ts'
import type { Audit } from '../../store/audit/audit.ts'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import type { User } from '../../store/people/user.ts'
import { factorName, passkeyName } from './factor-name.ts'
import type { EnrolledFactor } from './new-factor.ts'
import type { FactorChange } from './notice.ts'
import { createPasskeyFactors, passkeyAnswer } from './passkey-factors.ts'
import type { PasskeyFactors } from './passkey-factors.ts'
import { qrCode } from './qr-code.ts'
import { createSecondFactors } from './second-factors.ts'
import type { CodeOutcome, SecondFactors } from './second-factors.ts'
import { appUri } from './totp.ts'

/** What checks and enrols them. For a new kind add a line. */
export interface FactorKinds {
  readonly secondFactors: SecondFactors
  readonly passkeys: PasskeyFactors
}

type KindNeeds = Parameters<typeof createSecondFactors>[0] & Parameters<typeof createPasskeyFactors>[0]

export const createFactorKinds = (needs: KindNeeds): FactorKinds => ({
  secondFactors: createSecondFactors(needs),
  passkeys: createPasskeyFactors(needs),
})

export interface SetUpNeeds {
  readonly secondFactors: Pick<SecondFactors, 'enrolApp'>
  readonly passkeys: Pick<PasskeyFactors, 'offerNew' | 'enrol'>
}

/** What comes back from the page. */
interface SetUpAnswer {
  readonly fields: URLSearchParams
  /** The header User-Agent. */
  readonly agent: string | undefined
  readonly userId: string
  /** As proved in this sign-in or session. */
  readonly standing: string
  /** As for the offer of the passkey. */
  readonly boundTo: string
  /** That the page of the app showed; undefined when this sign-in or session has shown none. */
  readonly seed: string | undefined
  readonly changeOf: (kind: FactorKind) => FactorChange
}

type SetUpOutcome =
  | EnrolledFactor
  /** @param name as typed */
  | { readonly kind: 'mistaken'; readonly mistake: Mistake; readonly name?: string }
  /** Its page was not shown before. */
  | { readonly kind: 'not-shown' }
  /** The person has another standing by now, or is disabled. */
  | { readonly kind: 'ended' }

/** @throws CodedError STORE_UNAVAILABLE */
export type SetUp = (needs: SetUpNeeds, answer: SetUpAnswer) => Promise<SetUpOutcome>

/** What sets one up: nothing is stored before a code has proved the app, or the browser has made a passkey. By the last part of the address of its page. For a new kind add a line. */
export const setUps: Readonly<Record<FactorWord, SetUp>> = {
  /** Takes the fields `code` and `name`. */
  async app({ secondFactors }, { fields, userId, standing, seed, changeOf }) {
    if (seed === undefined) return { kind: 'not-shown' }
    const code = fields.get('code') ?? ''
    const name = factorName(fields.get('name'))
    const again = (key: string) => ({ kind: 'mistaken', mistake: { key, control: 'code' }, name }) as const
    if (code.trim() === '') return again('code-missing')
    const outcome = await secondFactors.enrolApp({ userId, standing, seed, code, name, ...changeOf('totp') })
    return outcome.kind === 'wrong' ? again('wrong-first-code') : outcome
  },
  /** Takes the fields `credential`, `sealed` and `name`. */
  async passkey({ passkeys }, { fields, agent, userId, standing, boundTo, changeOf }) {
    const name = passkeyName(fields.get('name'), agent)
    const passkey = { userId, standing, answer: passkeyAnswer(fields), boundTo, name }
    const outcome = await passkeys.enrol({ ...passkey, ...changeOf('passkey') })
    return outcome.kind === 'wrong' ? { kind: 'mistaken', mistake: { key: 'passkey-not-added' } } : outcome
  },
}

/** What the page of an app shows. @param title of this service, for the person's app */
export const appOnPage = (seed: string, title: string, { username }: Pick<User, 'username'>) => ({
  qrCode: qrCode(appUri(seed, { issuer: title, account: username })),
  secret: seed.replace(/.{4}(?=.)/g, '$& '),
})

/** @param action the address of its form
 *  @returns what the page of a new passkey shows; undefined where passkeys are not possible */
export async function newPasskeyOnPage(
  { passkeys }: Pick<SetUpNeeds, 'passkeys'>,
  person: Pick<User, 'id' | 'username' | 'name'>,
  boundTo: string,
  action: string,
): Promise<PasskeyOnPage | undefined> {
  const offer = await passkeys.offerNew(person, boundTo)
  return offer && { ...offer, mode: 'create', action }
}

export interface FactorProofNeeds {
  readonly secondFactors: Pick<SecondFactors, 'checkCode' | 'consumeRecoveryCode'>
  readonly passkeys: Pick<PasskeyFactors, 'offer' | 'check'>
  readonly audit: Pick<Audit, 'record'>
}

/** What comes back from the page that asks for a second factor. */
interface ProofAnswer {
  readonly fields: URLSearchParams
  readonly userId: string
  /** As for the offer of the passkey. */
  readonly boundTo: string
  /** What each audit event says of it. */
  readonly about: Omit<AuditEvent, 'event' | 'outcome'>
  readonly languages: readonly string[]
}

export type ProofOutcome =
  /** `methods`: what was proved (`amr`, RFC 8176). */
  | { readonly kind: 'passed'; readonly methods: readonly string[] }
  /** A code that may be a guess. */
  | { readonly kind: 'wrong'; readonly reason: 'wrong-code' | 'used-code'; readonly control: string }
  /** `reason`: for the audit log; undefined where nothing was typed. */
  | { readonly kind: 'refused'; readonly reason?: string; readonly mistake: Mistake }

export type CheckProof = (needs: FactorProofNeeds, answer: ProofAnswer) => Promise<ProofOutcome>

/** What proves a second factor, by the last part of the address of its form. For a new kind add a line. */
export const proofs: Readonly<Record<string, CheckProof>> = {
  'second-factor': byCode('code', ({ secondFactors }, { userId }, code) => secondFactors.checkCode(userId, code)),
  'recovery-code': byCode('recovery-code', ({ secondFactors }, { userId, about, languages }, code) => {
    const event = { ...about, userId, event: 'factor.recovery_used', outcome: 'success' } as const
    return secondFactors.consumeRecoveryCode(userId, code, { event, languages })
  }),
  // it cannot be guessed, so it is not counted
  'second-passkey': async ({ passkeys }, { fields, userId, boundTo }) => {
    const outcome = await passkeys.check(passkeyAnswer(fields), boundTo, userId)
    if (outcome.kind === 'passed') return outcome
    return { kind: 'refused', reason: `passkey-${outcome.reason}`, mistake: { key: 'passkey-refused' } }
  },
}

/** @returns how the page asks for what the person has. @param actionOf the address of a form */
export async function proofsOnPage(
  { passkeys }: Pick<FactorProofNeeds, 'passkeys'>,
  kinds: readonly FactorKind[],
  boundTo: string,
  actionOf: (form: string) => string,
) {
  const passkey = kinds.includes('passkey') ? await passkeys.offer(boundTo) : undefined
  return {
    action: actionOf('second-factor'),
    recoveryAction: actionOf('recovery-code'),
    hasApp: kinds.includes('totp'),
    passkey: passkey && ({ ...passkey, mode: 'get', action: actionOf('second-passkey') } as const),
  }
}

/** Checks one, and records what is wrong.
 *  @throws CodedError STORE_UNAVAILABLE */
export async function checkProof(
  needs: FactorProofNeeds,
  check: CheckProof,
  answer: ProofAnswer,
): Promise<ProofOutcome> {
  const outcome = await check(needs, answer)
  if (outcome.kind === 'passed' || outcome.reason === undefined) return outcome
  const { about, userId } = answer
  needs.audit.record({ ...about, userId, event: 'factor.failure', outcome: 'failure', reason: outcome.reason })
  return outcome
}

function byCode(
  control: string,
  check: (needs: FactorProofNeeds, answer: ProofAnswer, typed: string) => Promise<CodeOutcome>,
): CheckProof {
  return async (needs, answer) => {
    const typed = answer.fields.get(control) ?? ''
    if (typed.trim() === '') return { kind: 'refused', mistake: { key: `${control}-missing`, control } }
    const outcome = await check(needs, answer, typed)
    switch (outcome.kind) {
      case 'passed':
        return { kind: 'passed', methods: ['otp'] }
      case 'wrong':
        return { ...outcome, control }
      case 'locked': {
        const values = { minutes: Math.ceil(outcome.seconds / 60) }
        return { kind: 'refused', reason: 'locked', mistake: { key: 'codes-locked', control, values } }
      }
    }
  }
}
