// Decides which clients are accepted: by the rules of the spec, and by who holds a name. Client ids and API identifiers share one
// namespace: a token for an API must not pass as an ID token of a client.
import { clientIdPrefix, clusterOf, defaultClientId, tenantOf } from '@nauthera/rules/tenants'
import type { Fault } from '@nauthera/runtime/coded-error'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { toMove, unreadFault } from './acceptance.ts'
import type { Acceptance, ConflictMove } from './acceptance.ts'
import { checkSpec } from './check-spec.ts'
import { checkPlace } from './mirror.ts'
import type { FindCluster } from './mirror.ts'
import { clientIdOf, keyOf, oldestFirst } from './client-names.ts'
import { present } from './present.ts'
import { sizeFaultOf } from './client-size.ts'
import { bindingOf, isAllowed, mayDeclare } from './policies.ts'
import type { BindingPolicies, Policies } from './policies.ts'

/** Decides about rivals together. A name stays with the object that is served under it; a free name goes to its oldest claimant. An
 *  invalid older client keeps its claim: a mistake must not give its name away.
 *  @param clients those whose spec.serverName is ours, in any order
 *  @param policiesOf the policies that hold for a client (policies.ts): only those that bind let it claim a name
 *  @param about.findCluster undefined where nobody knows which clusters have joined
 *  @param about.selectsNamespaces the labels of namespaces can be read, so that an access entry may select by them
 *  @param about.holderOf `namespace/name` of the object that is served under a name; it need not be among the clients
 *  @returns by `namespace/name` */
export function acceptClients(
  clients: readonly OIDCClient[],
  policiesOf: (client: OIDCClient) => Policies,
  about: AboutNames = {},
): ReadonlyMap<string, Acceptance> {
  const { holderOf = () => undefined } = about
  const claims = new Map<string, string>()
  const verdicts = new Map<string, Acceptance>()
  const byKey = new Map(clients.map((client) => [keyOf(client), client]))
  for (const client of oldestFirst(clients)) {
    const key = keyOf(client)
    const wanted = clientIdOf(client)
    const policies = bindingOf(policiesOf(client))
    const large = sizeFaultOf(client)
    const faults = large ? checkId(client, policies, about) : faultsOf(client, policies, about)
    const named = namesClaimed(client)
    const takenBy = new Map(named.map(({ name }) => [name, holderOf(name) ?? claims.get(name) ?? key]))
    for (const { name, mayClaim } of named)
      if (mayClaim(policies, faults) && !claims.has(name)) claims.set(name, takenBy.get(name)!)
    const conflict = named.find(({ name, mayClaim, field }) => {
      const holder = takenBy.get(name)
      return holder !== key && (field === 'spec.clientId' || mayClaim(policies, faults))
    })
    if (large) verdicts.set(key, { kind: 'too-large', wanted, message: large.message })
    else if (faults.length > 0) verdicts.set(key, { kind: 'invalid', wanted, faults })
    else if (conflict) {
      const { field, name } = conflict
      const mayClaim = conflict.mayClaim(policies, faults)
      const holder = takenBy.get(name)!
      const move = field === 'spec.clientId' ? moveBetween(client, holder, byKey.get(holder)) : undefined
      verdicts.set(key, { kind: 'conflict', wanted, field, holder, mayClaim, ...present({ move }) })
    } else verdicts.set(key, { kind: 'accepted', wanted })
  }
  return verdicts
}

/** @param other `namespace/name` of who has the client id, and `object` that one, if it is among the clients */
function moveBetween(client: OIDCClient, other: string, object: OIDCClient | undefined): ConflictMove | undefined {
  if (object?.metadata.moved?.from === keyOf(client)) return 'declared'
  const isElsewhere = tenantOf(client.metadata).cluster !== clusterOf(other.split('/', 1)[0]!)
  return isElsewhere && client.spec.clientId !== undefined ? 'possible' : undefined
}

interface AboutNames {
  readonly findCluster?: FindCluster
  readonly selectsNamespaces?: boolean
  readonly holderOf?: (name: string) => string | undefined
}

interface NameClaim {
  readonly name: string
  readonly field: 'spec.clientId' | 'spec.resourceServer.identifier'
  /** Without the right to a name there is no claim: else a stranger could block the owner. */
  readonly mayClaim: (policies: BindingPolicies, faults: readonly Fault[]) => boolean
}

/** @returns the names that an object claims; an invalid spec may have any shape */
function namesClaimed(client: OIDCClient): readonly NameClaim[] {
  const identifier: unknown = client.spec.resourceServer?.identifier
  const ownId = client.spec.clientId === undefined || isDefaultId(client) || client.metadata.moved !== undefined
  const id: NameClaim = {
    name: clientIdOf(client),
    field: 'spec.clientId',
    mayClaim: (policies, faults) =>
      !faults.some(({ path }) => path === 'spec.clientId') && (ownId || isAllowed(policies, 'customClientId')),
  }
  if (typeof identifier !== 'string') return [id]
  const mayClaim = (policies: BindingPolicies): boolean => mayDeclare(policies, identifier)
  return [id, { name: identifier, field: 'spec.resourceServer.identifier', mayClaim }]
}

/** @returns whether an object claims the name and its policies allow that, whatever else is invalid in its spec */
export function mayHave(client: OIDCClient, name: string, policies: Policies, about: AboutNames = {}): boolean {
  const binding = bindingOf(policies)
  const faults = checkId(client, binding, about)
  return namesClaimed(client).some((claim) => claim.name === name && claim.mayClaim(binding, faults))
}

/** When the rules throw for a spec, only that object is at fault: its rivals are judged as usual. */
function faultsOf(client: OIDCClient, policies: BindingPolicies, about: AboutNames): readonly Fault[] {
  try {
    const place = checkPlace(client, about.findCluster)
    const found = [...place, ...checkSpec(client), ...checkId(client, policies, about)]
    return found.length > 0 || about.selectsNamespaces !== false ? found : checkSelectors(client)
  } catch (error) {
    return [unreadFault(error instanceof Error ? error.message : String(error))]
  }
}

/** A selector by labels of namespaces needs the right to read namespaces. */
function checkSelectors({ spec }: OIDCClient): readonly Fault[] {
  return (spec.resourceServer?.access ?? []).flatMap(({ namespaceSelector }, index) =>
    namespaceSelector
      ? [
          {
            path: `spec.resourceServer.access[${index}].namespaceSelector`,
            message:
              'needs an operator that watches the whole cluster (operator.watch.mode cluster), because it asks for labels of namespaces; list namespaces instead',
          },
        ]
      : [],
  )
}

const isDefaultId = ({ spec, metadata }: OIDCClient): boolean => spec.clientId === defaultClientId(metadata)

/** An id with a dot belongs to the tenant before the dot, since default ids are `<namespace>.<name>`. What begins with the name of a
 *  joined cluster and an underscore is that cluster's alone. */
function checkId(client: OIDCClient, policies: BindingPolicies, { findCluster }: AboutNames): readonly Fault[] {
  const { clientId } = client.spec
  if (typeof clientId !== 'string' || isAllowed(policies, 'anyClientId')) return []
  if (client.metadata.moved?.clientId === clientId) return []
  const tenant = tenantOf(client.metadata)
  const prefix = clientIdPrefix(tenant)
  const [before, ...after] = clientId.split('_')
  const named = after.length > 0 ? before : undefined
  const isOfCluster = named !== undefined && findCluster?.(named) !== undefined
  // it may be the target of a move that nobody declared yet
  const cure = tenant.cluster !== undefined || isOfCluster ? `; ${toMove}` : ''
  const fault = (message: string): readonly Fault[] => [{ path: 'spec.clientId', message: `${message}${cure}` }]
  if (clientId.includes('.') && !clientId.startsWith(prefix))
    return fault(`must begin with ${prefix} because it has a dot in it, or have no dot`)
  if (tenant.cluster !== undefined && named !== tenant.cluster)
    return fault(`must begin with ${tenant.cluster}_, as all ids of its cluster do`)
  if (tenant.cluster === undefined && isOfCluster)
    return fault(`must not begin with ${named}_: that is the OIDCCluster ${named}`)
  return []
}
