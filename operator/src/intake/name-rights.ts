// Which names a client has the right to claim. Without it a claim decides about nobody else, and wakes nobody.
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCPolicy } from '../api/oidc-policy.ts'
import { rightfulNames } from '../decide/client/accept-clients.ts'
import { clientIdOf } from '../decide/client/client-names.ts'
import { labelsForPolicies } from '../decide/client/policies.ts'
import { tenantOf } from '@nauthera/rules/tenants'
import { createPoliciesOf } from './policies-of.ts'
import type { PolicyNeeds } from './policies-of.ts'

/** Whether a client that names something has the right to have it. */
export type MayClaim = (client: OIDCClient, name: string) => boolean

/** What the rights of a client were found from, and the names. */
interface KnownRights {
  readonly policies: readonly OIDCPolicy[]
  readonly around: readonly unknown[]
  readonly names: ReadonlySet<string>
}

/** @returns a function that remembers its answer until a policy, the labels of the namespace or a cluster change */
export function createNameRights({ watch, baseline }: PolicyNeeds): MayClaim {
  const { findCluster } = watch
  const policiesOf = createPoliciesOf({ watch, baseline })
  const known = new WeakMap<OIDCClient, KnownRights>()
  const find = (client: OIDCClient, policies: readonly OIDCPolicy[]): ReadonlySet<string> => {
    try {
      return rightfulNames(client, policiesOf(client, policies), { findCluster })
    } catch {
      // it makes the rules throw, which its own look tells of
      return new Set()
    }
  }
  return (client, name) => {
    const policies = watch.policies()
    const { cluster } = tenantOf(client.metadata)
    const around = [
      labelsForPolicies(client, watch),
      cluster === undefined ? undefined : findCluster(cluster),
      findCluster(String(clientIdOf(client)).split('_', 1)[0]!),
    ]
    const before = known.get(client)
    if (before && isSameList(before.policies, policies) && isSameList(before.around, around))
      return before.names.has(name)
    const names = find(client, policies)
    known.set(client, { policies, around, names })
    return names.has(name)
  }
}

const isSameList = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one === other || (one.length === other.length && one.every((value, index) => value === other[index]))
