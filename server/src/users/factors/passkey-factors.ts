// Enrols and verifies passkeys. The challenge is in the form, encrypted and bound to the sign-in or session; a mark in the database makes
// it single-use.
import { randomBytes } from 'node:crypto'
import { ageOf } from '../../clock-age.ts'
import type { Factors } from '../../store/factors/factors.ts'
import type { AsAdmitted } from '../../store/people/standing.ts'
import type { User } from '../../store/people/user.ts'
import type { Accounts } from '../../store/sessions/accounts.ts'
import { storeNewFactor } from './new-factor.ts'
import type { EnrolOutcome } from './new-factor.ts'
import type { FactorChange } from './notice.ts'
import { creationOptions, credentialIdOf, requestOptions, verifyNew, verifyUse } from './passkeys.ts'
import type { RelyingParty } from './passkeys.ts'

/** What the page of a passkey needs: JSON for its script, and the challenge for its form. */
export interface PasskeyOffer {
  readonly options: string
  readonly sealed: string
}

/** The fields of its form. */
export interface PasskeyAnswer {
  readonly credential: string
  readonly sealed: string
}

export const passkeyAnswer = (fields: URLSearchParams): PasskeyAnswer => ({
  credential: fields.get('credential') ?? '',
  sealed: fields.get('sealed') ?? '',
})

export type PasskeyOutcome =
  /** `methods`: what was proved (`amr`, RFC 8176). */
  | ({ readonly kind: 'passed'; readonly methods: readonly string[] } & AsAdmitted)
  | {
      readonly kind: 'refused'
      readonly reason: 'old-challenge' | 'unknown-passkey' | 'wrong-answer'
      readonly userId?: string
    }

export interface PasskeyFactors {
  /** Whether anybody can sign in with one here. */
  readonly arePossible: boolean
  /** @param boundTo the sign-in or the session: an answer is taken only there
   *  @returns undefined where passkeys are not possible, or nobody is asked for a second factor */
  offer(boundTo: string): Promise<PasskeyOffer | undefined>
  /** Checks an answer, and uses its challenge up.
   *  @param ofUser the person who must own the passkey; undefined: whoever does
   *  @throws CodedError STORE_UNAVAILABLE */
  check(answer: PasskeyAnswer, boundTo: string, ofUser?: string): Promise<PasskeyOutcome>
  /** As `offer`, to make a new one. */
  offerNew(user: Pick<User, 'id' | 'username' | 'name'>, boundTo: string): Promise<PasskeyOffer | undefined>
  /** Makes it a second factor of the person. `wrong`: the answer is not right, or the passkey is known.
   *  @param standing as proved in this sign-in: nothing is stored when it has changed
   *  @throws CodedError STORE_UNAVAILABLE */
  enrol(
    passkey: FactorChange & { userId: string; standing: string; answer: PasskeyAnswer; boundTo: string; name: string },
  ): Promise<EnrolOutcome>
}

interface Needs {
  readonly store: { readonly factors: Factors; readonly accounts: Pick<Accounts, 'load'> }
  /** Undefined where there are no passkeys. */
  readonly party: RelyingParty | undefined
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Milliseconds that a page may stay open. */
const challengeFor = 15 * 60_000

export function createPasskeyFactors(needs: Needs): PasskeyFactors {
  const { party, store } = needs
  return {
    arePossible: party !== undefined,
    async offer(boundTo) {
      if (party === undefined) return undefined
      const challenge = randomBytes(32).toString('base64url')
      return { options: await requestOptions(party, challenge), sealed: seal(needs, challenge, boundTo) }
    },
    check: (answer, boundTo, ofUser) => check(needs, answer, boundTo, ofUser),
    async offerNew({ id: userId, username, name }, boundTo) {
      if (party === undefined) return undefined
      const challenge = randomBytes(32).toString('base64url')
      const existing = await store.factors.credentialIds(userId)
      const options = await creationOptions(party, challenge, { userId, username, name, existing })
      return { options, sealed: seal(needs, challenge, boundTo) }
    },
    enrol: (passkey) => enrol(needs, passkey),
  }
}

const bindingOf = (boundTo: string): string => `challenge:${boundTo}`

const seal = ({ store, now }: Needs, challenge: string, boundTo: string): string =>
  store.factors.seal(`${challenge}.${now()}`, bindingOf(boundTo))

/** @returns undefined for a challenge that is too old, of another sign-in, or not ours */
function challengeOf({ store, now }: Needs, sealed: string, boundTo: string) {
  const [id = '', made = ''] = (store.factors.open(sealed, bindingOf(boundTo)) ?? '').split('.')
  if (id === '' || !(ageOf(Number(made), now()) <= challengeFor)) return undefined
  return { id, expiresAt: new Date(Number(made) + challengeFor) }
}

async function check(
  needs: Needs,
  { credential, sealed }: PasskeyAnswer,
  boundTo: string,
  ofUser: string | undefined,
): Promise<PasskeyOutcome> {
  const { party, store } = needs
  const challenge = challengeOf(needs, sealed, boundTo)
  if (party === undefined || challenge === undefined) return { kind: 'refused', reason: 'old-challenge' }
  const credentialId = credentialIdOf(credential)
  const passkey = credentialId && (await store.factors.findPasskey(credentialId))
  if (!passkey || (ofUser !== undefined && passkey.userId !== ofUser))
    return { kind: 'refused', reason: 'unknown-passkey' }
  const { id, userId, synced } = passkey
  const signCount = await verifyUse(party, challenge.id, credential, passkey)
  if (signCount === undefined) return { kind: 'refused', reason: 'wrong-answer', userId }
  const use = { id, signCount, challenge: challenge.id, expiresAt: challenge.expiresAt }
  const proved = await store.factors.consumePasskey(use)
  if (proved === undefined) return { kind: 'refused', reason: 'old-challenge', userId }
  return { kind: 'passed', ...proved, methods: methodsOf({ synced }) }
}

const methodsOf = ({ synced }: { readonly synced: boolean }): readonly string[] => [synced ? 'swk' : 'hwk', 'user']

async function enrol(
  needs: Needs,
  { userId, standing, answer, boundTo, name, ...by }: Parameters<PasskeyFactors['enrol']>[0],
): Promise<EnrolOutcome> {
  const { party, store } = needs
  const challenge = challengeOf(needs, answer.sealed, boundTo)
  if (party === undefined || challenge === undefined) return { kind: 'wrong' }
  const passkey = await verifyNew(party, challenge.id, answer.credential)
  if (passkey === undefined) return { kind: 'wrong' }
  const factor = { userId, standing, kind: 'passkey', methods: methodsOf(passkey) } as const
  const outcome = await storeNewFactor(needs, factor, by, (made) =>
    store.factors.enrolPasskey({ ...made, passkey: { ...passkey, name }, challenge }),
  )
  return outcome ?? { kind: 'wrong' }
}
