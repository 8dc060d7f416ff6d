import { isOfAllowedGroup } from '../../store/tokens/what-counts.ts'
import type { ClientTerms } from '../../store/tokens/what-counts.ts'
import { isRequired } from '../../users/factors/policy.ts'
import type { RequiredFactors } from '../../users/factors/policy.ts'
import { isEnough, neededAcr } from '../acr.ts'
import type { AcrRequest, NeededAcr } from '../acr.ts'
import type { OidcClient } from './oidc-client.ts'
import { pairwiseSector } from './subjects.ts'

// Everything that a client, and the settings, want of a person who uses it, whatever the request. It is asked at each sign-in (what-is-asked), and
// again wherever a code or a token of the person is used: code, refresh, device, exchange, introspection, userinfo. What a request wants beside it
// (`acr_values`, `claims`, `max_age`, `prompt`) is of that sign-in alone.

/** What a client says of the people who may use it: the one place that reads it. */
const wantedBy = ({ config }: Pick<OidcClient, 'config'>) => ({
  allowedGroups: config.allowedGroups,
  requiredAcr: config.requiredAcr,
})

/** A person, and how they signed in. */
export interface PersonAtClient {
  /** By name. */
  readonly groups: readonly string[]
  /** Undefined when the proofs are unknown. */
  readonly acr: string | undefined
}

export type Access =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly reason: 'groups' }
  /** `values`: those that are enough. */
  | { readonly kind: 'refused'; readonly reason: 'acr'; readonly values: readonly string[] }

/** Whether a person may use a client, and by this sign-in. */
export function accessOf(
  client: Pick<OidcClient, 'config'>,
  { groups, acr }: PersonAtClient,
  rules: RequiredFactors,
): Access {
  if (!isOfAllowedGroup(allowedGroupsOf(client), groups)) return { kind: 'refused', reason: 'groups' }
  const needed = acrNeeded(client, groups, rules)
  if (needed.kind === 'one-of' && !isEnough(needed, acr))
    return { kind: 'refused', reason: 'acr', values: needed.values }
  return { kind: 'allowed' }
}

export const allowedGroupsOf = (client: Pick<OidcClient, 'config'>): readonly string[] => wantedBy(client).allowedGroups

/** The part of it that a sign-in can reach, for `neededAcr`. @param secondFactor whether the setting wants one of the person */
export const acrWanted = (
  client: Pick<OidcClient, 'config'>,
  secondFactor: boolean,
): Pick<AcrRequest, 'ofClient' | 'secondFactor'> => ({ ofClient: wantedBy(client).requiredAcr, secondFactor })

function acrNeeded(client: Pick<OidcClient, 'config'>, groups: readonly string[], rules: RequiredFactors): NeededAcr {
  const wanted = acrWanted(client, isRequired(rules, groups))
  return neededAcr({ ...wanted, claims: undefined, acrValues: undefined, reachable: [] })
}

/** What a client is now, and what it wants of the person behind a code or token, by its `acr`.
 *  @returns undefined when that sign-in is not enough for anybody */
export function termsOf(
  client: Pick<OidcClient, 'config' | 'uid'>,
  acr: string | undefined,
  rules: RequiredFactors,
): ClientTerms | undefined {
  const { requiredGroups } = rules
  if (!isEnough(acrNeeded(client, [], rules), acr)) return undefined
  const isStrict = requiredGroups.length > 0 && !isEnough(acrNeeded(client, requiredGroups, rules), acr)
  const sector = pairwiseSector(client.config)
  const strictGroups = isStrict ? requiredGroups : []
  return { clientUid: client.uid, sector, allowedGroups: allowedGroupsOf(client), strictGroups }
}
