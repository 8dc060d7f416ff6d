// Decides which clients are accepted: by the rules of the spec, and by who holds a name. Client ids and API identifiers share one
// namespace: a token for an API must not pass as an ID token of a client.
import { ageOf, byAge } from '@nauthera/rules/age'
import type { ClientFault } from '@nauthera/rules/client-fault'
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

/** Decides about one client. A name stays with the object that is served under it; a free name goes to its oldest claimant with the right
 *  to it. An invalid older client keeps its claim: a mistake must not give its name away.
 *  @param policies those that hold for the client (policies.ts): only those that bind let it claim a name
 *  @param about.findCluster undefined where nobody knows which clusters have joined
 *  @param about.selectsNamespaces the labels of namespaces can be read, so that an access entry may select by them
 *  @param about.holderOf `namespace/name` of the object that is served under a name; it need not be one that asks for it
 *  @param about.oldestOf the oldest of those that may claim a name
 *  @param about.find a client by `namespace/name` */
export function acceptClient(client: OIDCClient, policies: Policies, about: AboutNames & AboutRivals): Acceptance {
  const key = keyOf(client)
  const wanted = clientIdOf(client)
  const binding = bindingOf(policies)
  const { large, faults } = faultsOf(client, binding, about)
  if (large) return { kind: 'too-large', wanted, message: large.message }
  if (faults.length > 0) return { kind: 'invalid', wanted, faults }
  const conflict = namesClaimed(client)
    .map((claim) => ({ ...claim, holder: holderFor(client, claim.name, about) }))
    .find(({ holder, field, mayClaim }) => holder !== key && (field === 'spec.clientId' || mayClaim(binding, faults)))
  if (!conflict) return { kind: 'accepted', wanted }
  const { field, holder } = conflict
  const mayClaim = conflict.mayClaim(binding, faults)
  const move = field === 'spec.clientId' ? moveBetween(client, holder, about.find(holder)) : undefined
  return { kind: 'conflict', wanted, field, holder, mayClaim, ...present({ move }) }
}

/** The same for all of a list.
 *  @param clients those whose spec.serverName is ours, in any order
 *  @returns by `namespace/name` */
export function acceptClients(
  clients: readonly OIDCClient[],
  policiesOf: (client: OIDCClient) => Policies,
  about: AboutNames & Partial<Pick<AboutRivals, 'holderOf'>> = {},
): ReadonlyMap<string, Acceptance> {
  const ordered = oldestFirst(clients)
  const byKey = new Map(ordered.map((client) => [keyOf(client), client]))
  const oldest = new Map<string, OIDCClient>()
  for (const client of ordered)
    for (const name of rightfulNames(client, policiesOf(client), about)) if (!oldest.has(name)) oldest.set(name, client)
  const { holderOf = () => undefined } = about
  const rivals = { holderOf, oldestOf: (name: string) => oldest.get(name), find: (key: string) => byKey.get(key) }
  return new Map(
    ordered.map((client) => [keyOf(client), acceptClient(client, policiesOf(client), { ...about, ...rivals })]),
  )
}

/** @returns who has a name beside this client, or itself. Whoever is younger has no claim against it */
function holderFor(client: OIDCClient, name: string, { holderOf, oldestOf }: AboutRivals): string {
  const holder = holderOf(name)
  if (holder !== undefined) return holder
  const oldest = oldestOf(name)
  return oldest && byAge(ageOf(oldest.metadata), ageOf(client.metadata)) < 0 ? keyOf(oldest) : keyOf(client)
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
}

interface AboutRivals {
  readonly holderOf: (name: string) => string | undefined
  readonly oldestOf: (name: string) => OIDCClient | undefined
  readonly find: (key: string) => OIDCClient | undefined
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

/** @returns the names that an object claims and that its policies allow, whatever else is invalid in its spec */
export function rightfulNames(client: OIDCClient, policies: Policies, about: AboutNames = {}): ReadonlySet<string> {
  const binding = bindingOf(policies)
  const { faults } = faultsOf(client, binding, about)
  return new Set(namesClaimed(client).flatMap(({ name, mayClaim }) => (mayClaim(binding, faults) ? [name] : [])))
}

/** When the rules throw for a spec, only that object is at fault: its rivals are judged as usual. */
function faultsOf(
  client: OIDCClient,
  policies: BindingPolicies,
  about: AboutNames,
): { readonly large?: ClientFault; readonly faults: readonly Fault[] } {
  const large = sizeFaultOf(client)
  return large ? { large, faults: checkId(client, policies, about) } : { faults: specFaultsOf(client, policies, about) }
}

function specFaultsOf(client: OIDCClient, policies: BindingPolicies, about: AboutNames): readonly Fault[] {
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
