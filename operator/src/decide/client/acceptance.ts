// Which clients are accepted: the rules of the spec, and who has a name that several claim. Client ids and identifiers of APIs are one
// space of names: a token for an API must not pass as the ID token of a client.
import type { Fault } from '@nauthera/runtime/coded-error'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { checkSpec } from './check-spec.ts'
import { sizeFaultOf } from './client-size.ts'
import { bindingOf, isAllowed, mayDeclare } from './policies.ts'
import type { BindingPolicies, Policies } from './policies.ts'

/** Whether a client is accepted, before policies are asked; conditions.ts has the words for people. */
export type Acceptance =
  | { readonly kind: 'accepted'; readonly clientId: string }
  /** The spec breaks a rule: what was accepted before serves on. */
  | { readonly kind: 'invalid'; readonly clientId: string; readonly faults: readonly Fault[] }
  /** It takes more than a client may: what was accepted before serves on, and its rules are not asked, which takes time by its size. */
  | { readonly kind: 'too-large'; readonly clientId: string; readonly message: string }
  /** Another object has the client id, or the identifier of the resource server: what was accepted before serves on. */
  | {
      readonly kind: 'conflict'
      readonly clientId: string
      readonly field: 'spec.clientId' | 'spec.resourceServer.identifier'
      /** `namespace/name` of the other one. */
      readonly holder: string
    }

/** @returns `namespace/name`. */
export function keyOf(client: Pick<OIDCClient, 'metadata'>): string {
  return `${client.metadata.namespace}/${client.metadata.name}`
}

/** @returns `spec.clientId`, else `<namespace>.<name>`. */
export function clientIdOf(client: OIDCClient): string {
  return client.spec.clientId ?? `${client.metadata.namespace}.${client.metadata.name}`
}

/** Looks at clients together, since several may claim one name. A name stays with the object that is served under it, whatever its policies
 *  and its spec say meanwhile; only a free one goes to the oldest of those that claim it. An invalid older client keeps its claim: a
 *  mistake must not hand its name to somebody else.
 *  @param clients those whose spec.serverName is ours, in any order
 *  @param policiesOf the policies that hold for a client (policies.ts): only those that bind let it claim a name
 *  @param about.selectsNamespaces the labels of namespaces can be read, so that an access entry may select by them
 *  @param about.holderOf `namespace/name` of the object that is served under a name; it need not be among the clients
 *  @returns by `namespace/name` */
export function acceptClients(
  clients: readonly OIDCClient[],
  policiesOf: (client: OIDCClient) => Policies,
  { selectsNamespaces = true, holderOf = () => undefined }: AboutNames = {},
): ReadonlyMap<string, Acceptance> {
  const claims = new Map<string, string>()
  const verdicts = new Map<string, Acceptance>()
  for (const client of clients.toSorted(byAge)) {
    const key = keyOf(client)
    const clientId = clientIdOf(client)
    const policies = bindingOf(policiesOf(client))
    const large = sizeFaultOf(client)
    const faults = large ? checkIdNamespace(client, policies) : faultsOf(client, policies, selectsNamespaces)
    const named = namesClaimed(client)
    const takenBy = new Map(named.map(({ name }) => [name, holderOf(name) ?? claims.get(name) ?? key]))
    for (const { name, mayClaim } of named)
      if (mayClaim(policies, faults) && !claims.has(name)) claims.set(name, takenBy.get(name)!)
    const conflict = named.find(({ name, mayClaim, field }) => {
      const holder = takenBy.get(name)
      return holder !== key && (field === 'spec.clientId' || mayClaim(policies, faults))
    })
    if (large) verdicts.set(key, { kind: 'too-large', clientId, message: large.message })
    else if (faults.length > 0) verdicts.set(key, { kind: 'invalid', clientId, faults })
    else if (conflict)
      verdicts.set(key, { kind: 'conflict', clientId, field: conflict.field, holder: takenBy.get(conflict.name)! })
    else verdicts.set(key, { kind: 'accepted', clientId })
  }
  return verdicts
}

interface AboutNames {
  readonly selectsNamespaces?: boolean
  readonly holderOf?: (name: string) => string | undefined
}

interface NameClaim {
  readonly name: string
  readonly field: 'spec.clientId' | 'spec.resourceServer.identifier'
  /** Only who may have a name can claim it, or a stranger could block the rightful owner. */
  readonly mayClaim: (policies: BindingPolicies, faults: readonly Fault[]) => boolean
}

/** @returns the names that an object asks for; a spec that breaks a rule may have any shape */
function namesClaimed(client: OIDCClient): readonly NameClaim[] {
  const identifier: unknown = client.spec.resourceServer?.identifier
  const ownId = client.spec.clientId === undefined || isDefaultId(client)
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

/** @returns whether an object asks for a name, and its policies let it have that, whatever else of its spec breaks a rule */
export function mayHave(client: OIDCClient, name: string, policies: Policies): boolean {
  const binding = bindingOf(policies)
  const faults = checkIdNamespace(client, binding)
  return namesClaimed(client).some((claim) => claim.name === name && claim.mayClaim(binding, faults))
}

/** The fault of a spec about which the rules cannot even be asked. */
export const unreadFault = (why: string): Fault => ({
  path: 'spec',
  message: `cannot be understood (${why}); write it anew`,
})

/** A spec that the rules cannot even be asked about is at fault alone: those who claim the same id are looked at all the same. */
function faultsOf(client: OIDCClient, policies: BindingPolicies, selectsNamespaces: boolean): readonly Fault[] {
  try {
    const found = [...checkSpec(client), ...checkIdNamespace(client, policies)]
    return found.length > 0 || selectsNamespaces ? found : checkSelectors(client)
  } catch (error) {
    return [unreadFault(error instanceof Error ? error.message : String(error))]
  }
}

/** What an operator cannot see it cannot grant. */
function checkSelectors({ spec }: OIDCClient): readonly Fault[] {
  return (spec.resourceServer?.access ?? []).flatMap(({ namespaceSelector }, index) =>
    namespaceSelector
      ? [
          {
            path: `spec.resourceServer.access[${index}].namespaceSelector`,
            message:
              'needs an operator that watches the whole cluster (operator.watch.mode cluster), since it asks for labels of namespaces; list namespaces instead',
          },
        ]
      : [],
  )
}

/** Older first; of two in one second the UID decides, the same on every operator. */
export function byAge(left: OIDCClient, right: OIDCClient): number {
  const [a, b] = [Date.parse(left.metadata.creationTimestamp), Date.parse(right.metadata.creationTimestamp)]
  return a - b || (left.metadata.uid < right.metadata.uid ? -1 : 1)
}

const isDefaultId = ({ spec, metadata }: OIDCClient): boolean =>
  spec.clientId === `${metadata.namespace}.${metadata.name}`

/** A dot is the mark of the default id, so an id with one belongs to the namespace before it. */
function checkIdNamespace(client: OIDCClient, policies: BindingPolicies): readonly Fault[] {
  const { clientId } = client.spec
  if (typeof clientId !== 'string' || !clientId.includes('.') || isAllowed(policies, 'anyClientId')) return []
  const prefix = `${client.metadata.namespace}.`
  return clientId.startsWith(prefix)
    ? []
    : [{ path: 'spec.clientId', message: `must begin with ${prefix} because it has a dot in it, or have no dot` }]
}
