// Decides whether a person may use a client: groups, `acr`, second factor. It applies at each sign-in, and at each use of a code or token:
// code, refresh, device, exchange, introspection, userinfo (artefacts/standing-grant.ts). Requirements of a request (`acr_values`, `claims`, `max_age`, `prompt`) apply
// to its sign-in only.
import { isOfAllowedGroup } from '../../store/tokens/what-counts.ts'
import { isRequired } from '../../users/factors/policy.ts'
import type { RequiredFactors } from '../../users/factors/policy.ts'
import { acrAlways, isEnough } from '../acr.ts'
import type { AcrRequest, NeededAcr } from '../acr.ts'
import type { OidcClient } from './oidc-client.ts'

/** The client's requirements. Only this reads them. */
const wantedBy = ({ config }: Pick<OidcClient, 'config'>) => ({
  allowedGroups: config.allowedGroups,
  requiredAcr: config.requiredAcr,
})

/** A person and the `acr` of the sign-in. */
export interface PersonAtClient {
  /** By name. */
  readonly groups: readonly string[]
  /** Undefined when `amr` is unknown. */
  readonly acr: string | undefined
}

export type Access =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly reason: 'groups' }
  /** `values`: each of them is enough. */
  | { readonly kind: 'refused'; readonly reason: 'acr'; readonly values: readonly string[] }

/** Judges whether a person may use a client with this sign-in. */
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

/** The `acr` part of it, for `neededAcr`. @param secondFactor whether the settings require one of the person */
export const acrWanted = (
  client: Pick<OidcClient, 'config'>,
  secondFactor: boolean,
): Pick<AcrRequest, 'ofClient' | 'secondFactor'> => ({ ofClient: wantedBy(client).requiredAcr, secondFactor })

/** What the sign-in of a member of these groups must reach. */
export function acrNeeded(
  client: Pick<OidcClient, 'config'>,
  groups: readonly string[],
  rules: RequiredFactors,
): NeededAcr {
  return acrAlways(acrWanted(client, isRequired(rules, groups)))
}
