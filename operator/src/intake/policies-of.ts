// Finds the policies of a client, with the labels that the watch knows.
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../api/oidc-policy.ts'
import { labelsForPolicies, policiesFor } from '../decide/client/policies.ts'
import type { Policies } from '../decide/client/policies.ts'

export interface PolicyNeeds {
  readonly watch: Parameters<typeof labelsForPolicies>[1] & { readonly policies: () => readonly OIDCPolicy[] }
  /** The policy of the settings, which holds for every client. */
  readonly baseline: OIDCPolicySpec
}

export type PoliciesOf = (client: OIDCClient, policies: readonly OIDCPolicy[]) => Policies

/** The size of the cache of policy lists. */
const mostLists = 1_000

/** @returns a function that gives the policies of a client. Clients with the same policies share one list */
export function createPoliciesOf({ watch, baseline }: PolicyNeeds): PoliciesOf {
  const lists = new Map<string, Policies>()
  return (client, policies) => {
    const namespaceLabels = labelsForPolicies(client, watch)
    const found = policiesFor(client, { baseline, policies, namespaceLabels })
    const names = found.map(({ name, opensNothing }) => (opensNothing ? `${name}?` : name)).join()
    const before = lists.get(names)
    if (before && found.every(({ spec }, index) => spec === before[index]?.spec)) return before
    if (lists.size >= mostLists) lists.clear()
    lists.set(names, found)
    return found
  }
}
