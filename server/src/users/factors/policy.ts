import type { FactorKind } from '../../factor-kind.ts'
// Decides who must have a second factor, by the setting `secondFactor`. oidc/acr.ts has the needs of clients and requests.

export interface SecondFactorPolicy {
  /** `off`: nobody is asked. `optional`: whoever has one is asked. `required`: everybody sets one up. */
  readonly policy: 'off' | 'optional' | 'required'
  /** Their members must have one, also where it is optional. */
  readonly requiredGroups: readonly string[]
  /** What the first one of a person needs. `link`: a sign-in with a link, or one that proved two factors elsewhere. */
  readonly enrolment: 'password' | 'link'
}

/** Of `amr`: a sign-in with the link of an administrator. None of RFC 8176 says it. */
export const linkMethod = 'link'

/** What a sign-in proved beyond a password. With that, a factor or link that it adds is the person's: who only knows the password cannot add it.
 *  @param amr what it proved */
export const strengthOf = (amr: readonly string[]): 'link' | 'mfa' | undefined => {
  if (amr.includes(linkMethod)) return linkMethod
  return amr.includes('mfa') ? 'mfa' : undefined
}

/** Whether this sign-in is enough to set up a second factor for a person who has none. */
export const mayEnrolFirst = ({ enrolment }: SecondFactorPolicy, amr: readonly string[]): boolean =>
  enrolment === 'password' || strengthOf(amr) !== undefined

/** Whether this sign-in is enough to link an identity at another provider. */
export const mayLink = (policy: SecondFactorPolicy, amr: readonly string[]): boolean =>
  policy.policy === 'off' || mayEnrolFirst(policy, amr)

/** Which proofs of a provider count. It vouches for a second factor only when its identity brought the account, or a strong sign-in linked it:
 *  else who knows the password could link an account of their own, and prove the second factor with it.
 *  @param amr what the settings believe of it; never that somebody used a link of ours */
export const proofsThatCount = (amr: readonly string[], { isStrong }: { readonly isStrong: boolean }): string[] =>
  amr.filter((method) => (isStrong ? method !== linkMethod : method === 'pwd'))

/** What a sign-in knows of the person's second factors. It is in the interaction's cookie, so it is short. */
export interface FactorStanding {
  /** Those that the person can be asked for. */
  readonly kinds: readonly FactorKind[]
  /** Whether the setting wants one of this person. */
  readonly required: boolean
}

/** The part that says who must have one. */
export type RequiredFactors = Pick<SecondFactorPolicy, 'policy' | 'requiredGroups'>

export function factorStanding(
  policy: RequiredFactors,
  person: { readonly groups: readonly string[]; readonly factors: readonly FactorKind[] },
): FactorStanding {
  if (policy.policy === 'off') return { kinds: [], required: false }
  return { kinds: person.factors, required: isRequired(policy, person.groups) }
}

/** Whether the setting wants a second factor of a member of these groups. */
export const isRequired = ({ policy, requiredGroups }: RequiredFactors, groups: readonly string[]): boolean =>
  policy === 'required' || (policy === 'optional' && requiredGroups.some((group) => groups.includes(group)))
