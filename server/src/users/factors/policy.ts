// Who must have a second factor, by the setting `secondFactor`. What a client or a request needs is in oidc/acr.ts.
import type { FactorKind } from '../../store/standing.ts'

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

/** Whether this sign-in is enough to set up a second factor for a person who has none. @param amr what it proved */
export const mayEnrolFirst = ({ enrolment }: SecondFactorPolicy, amr: readonly string[]): boolean =>
  enrolment === 'password' || amr.includes(linkMethod) || amr.includes('mfa')

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
