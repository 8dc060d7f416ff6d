// Who must have a second factor, by the setting `secondFactor`. What a client or a request needs is in oidc/acr.ts.
import type { FactorKind } from '../../store/standing.ts'

export interface SecondFactorPolicy {
  /** `off`: nobody is asked. `optional`: whoever has one is asked. `required`: everybody sets one up. */
  readonly policy: 'off' | 'optional' | 'required'
  /** Their members must have one, also where it is optional. */
  readonly requiredGroups: readonly string[]
}

/** What a sign-in knows of the person's second factors. It is in the interaction's cookie, so it is short. */
export interface FactorStanding {
  /** Those that the person can be asked for. */
  readonly kinds: readonly FactorKind[]
  /** Whether the setting wants one of this person. */
  readonly required: boolean
}

export function factorStanding(
  policy: SecondFactorPolicy,
  person: { readonly groups: readonly string[]; readonly factors: readonly FactorKind[] },
): FactorStanding {
  if (policy.policy === 'off') return { kinds: [], required: false }
  return { kinds: person.factors, required: isRequired(policy, person.groups) }
}

/** Whether the setting wants a second factor of a member of these groups. */
export const isRequired = ({ policy, requiredGroups }: SecondFactorPolicy, groups: readonly string[]): boolean =>
  policy === 'required' || (policy === 'optional' && requiredGroups.some((group) => groups.includes(group)))
