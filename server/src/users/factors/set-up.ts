// Sets up a second factor, the same in a sign-in and on the pages of the account. Nothing is stored before a code has proved the app, or the
// browser has made a passkey.
import type { Mistake, PasskeyOnPage } from '../../reply/on-page.ts'
import type { FactorKind } from '../../store/people/standing.ts'
import type { User } from '../../store/people/user.ts'
import { factorName, passkeyName } from './factor-name.ts'
import type { EnrolledFactor } from './new-factor.ts'
import type { FactorChange } from './notice.ts'
import { passkeyAnswer } from './passkey-factors.ts'
import type { PasskeyFactors } from './passkey-factors.ts'
import { qrCode } from './qr-code.ts'
import type { SecondFactors } from './second-factors.ts'
import { appUri } from './totp.ts'

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

export type SetUpWay = 'app' | 'passkey'

/** What sets one up, by the last part of the address of its page. For a new kind add a line. */
export const setUps: Readonly<Record<SetUpWay, SetUp>> = {
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
