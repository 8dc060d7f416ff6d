// Selects the policies of a client, and combines what they allow.
import { secretWays, showsSecret, waysOf } from '@nauthera/rules/client-authentication'
import type { SecretWay } from '@nauthera/rules/client-authentication'
import { platformTokenLife } from '@nauthera/rules/identities'
import { namespaceLimits } from '@nauthera/rules/limits'
import type { TokenLimits } from '@nauthera/rules/limits'
import { tenantOf } from '@nauthera/rules/tenants'
import type { Tenant } from '@nauthera/rules/tenants'
import type { ClusterSelector } from '../../api/cluster-selector.ts'
import { durationMs } from '../../api/duration.ts'
import { matches, patterns } from '../../api/patterns.ts'
import type { LabelSelector } from '../../api/label-selector.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import type { OIDCCluster } from '../../api/oidc-cluster.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../../api/oidc-policy.ts'

/** One policy as it holds for a client. The baseline of the settings is named `baseline`. */
export interface NamedPolicy {
  readonly name: string
  readonly spec: OIDCPolicySpec
  /** Whether it applies cannot be known: what it forbids holds, and it opens nothing. */
  readonly opensNothing?: true
}

/** All policies of one client: by priority (highest first), then by name; the baseline last. Use them for reports and warnings only;
 *  BindingPolicies decide. */
export type Policies = readonly NamedPolicy[]

/** A policy that does not only watch. */
type BindingPolicy = NamedPolicy & { readonly spec: { readonly enforcement?: 'Deny' } }

/** The policies that bind a client (bindingOf). The type makes sure that gates, limits and defaults come from these only. */
export type BindingPolicies = readonly BindingPolicy[]

const bindingBefore = new WeakMap<Policies, BindingPolicies>()

/** A policy binds by `enforcement: Deny`. One with Warn or Audit watches: it refuses nothing, narrows nothing, opens nothing and gives no
 *  default. A client that breaks a policy that binds may have its grace (judge.ts): until then it keeps what it holds.
 *  @returns those that bind, in their order */
export function bindingOf(policies: Policies): BindingPolicies {
  const known = bindingBefore.get(policies)
  if (known) return known
  const binding = policies.filter(binds)
  bindingBefore.set(policies, binding)
  return binding
}

/** @returns whether it may refuse */
const binds = (policy: NamedPolicy): policy is BindingPolicy => (policy.spec.enforcement ?? 'Deny') === 'Deny'

/** Those that may open what is closed. */
export const openersOf = (policies: BindingPolicies): BindingPolicies => {
  const open = policies.filter(({ opensNothing }) => opensNothing !== true)
  return open.length === policies.length ? policies : open
}

/** @returns the labels by which policies select the namespace of a client; of a mirror those that its cluster tells, where they are
 *  trusted. Undefined while they are unknown, or where nobody trusts them */
export function labelsForPolicies(
  { metadata, spec }: OIDCClient,
  about: {
    readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined
    readonly findCluster: (name: string) => OIDCCluster | undefined
  },
): Readonly<Record<string, string>> | undefined {
  const { cluster, namespace } = tenantOf(metadata)
  if (cluster === undefined) return about.namespaceLabels(namespace)
  return about.findCluster(cluster)?.spec.trustNamespaceLabels === true ? spec.origin?.namespaceLabels : undefined
}

/** @returns the labels by which policies select a client; of a mirror those of its origin, where that has some */
function labelsOfClient({ metadata, spec }: OIDCClient): Readonly<Record<string, string>> {
  const ofOrigin = tenantOf(metadata).cluster === undefined ? undefined : spec.origin?.labels
  return ofOrigin ?? metadata.labels ?? {}
}

/** @param input.namespaceLabels undefined where they are unknown or nobody trusts them: a policy that selects by them then holds,
 *    because a limit that cannot be judged must not be dropped, and opens nothing. `any`: each such policy holds in full, as for files */
export function policiesFor(
  client: OIDCClient,
  input: {
    readonly baseline: OIDCPolicySpec
    readonly policies: readonly OIDCPolicy[]
    readonly namespaceLabels: Readonly<Record<string, string>> | 'any' | undefined
  },
): Policies {
  const tenant = tenantOf(client.metadata)
  const labels = labelsOfClient(client)
  const known = input.namespaceLabels
  const matching = input.policies.filter(({ spec }) => {
    const { namespaces, clients, clusters } = spec.selector ?? {}
    return (
      (!clusters || namesTenant(clusters, tenant)) &&
      (known === undefined || known === 'any' || selects(namespaces, known)) &&
      selects(clients, labels)
    )
  })
  const ordered = matching
    .map(({ metadata, spec }): NamedPolicy => ({
      name: metadata.name,
      spec,
      ...(known === undefined && isByUnknown(spec, tenant) ? { opensNothing: true } : {}),
    }))
    .toSorted(
      (left, right) => (right.spec.priority ?? 0) - (left.spec.priority ?? 0) || (left.name < right.name ? -1 : 1),
    )
  return [...ordered, { name: 'baseline', spec: input.baseline }]
}

/** Whoever writes a client in a joined cluster chooses its labels too; that is no matter where a policy names the cluster. */
const isByUnknown = ({ selector }: OIDCPolicySpec, { cluster }: Tenant): boolean =>
  selector?.namespaces !== undefined ||
  (cluster !== undefined && selector?.clients !== undefined && selector.clusters === undefined)

/** @returns whether a list of joined clusters names the tenant */
export const namesTenant = (clusters: ClusterSelector, { cluster, namespace }: Tenant): boolean =>
  clusters.some(
    ({ name, namespaces }) => name === cluster && (namespaces.includes('*') || namespaces.includes(namespace)),
  )

/** @returns whether a selector selects the labels; no selector selects all */
export function selects(selector: LabelSelector | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (!selector) return true
  const byLabels = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value)
  return (
    byLabels &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key]
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value)
        case 'NotIn':
          return value === undefined || !values.includes(value)
        case 'Exists':
          return value !== undefined
        case 'DoesNotExist':
          return value === undefined
      }
    })
  )
}

/** @returns the ways to send a secret that every policy lists, by name or as client_secret */
export function waysUnder(policies: BindingPolicies): readonly SecretWay[] {
  const lists = policies.flatMap(({ spec }) => (spec.allow?.authMethods ? [spec.allow.authMethods] : []))
  return secretWays.filter((way) => lists.every((list) => isMethodAllowed(list, way)))
}

/** @param allowed the list of a policy
 *  @returns whether a client may authenticate so; one with client_secret may where any of its ways is listed */
export function isMethodAllowed(allowed: readonly string[], method: string): boolean {
  const words: readonly string[] = showsSecret(method) ? ['client_secret', ...waysOf(method)] : [method]
  return words.some((word) => allowed.includes(word))
}

/** @param allowed of a policy's `allow`; `api:*` covers `api:read` */
export const covers = (allowed: readonly string[], value: string): boolean =>
  allowed.some((one) => (one.endsWith('*') ? value.startsWith(one.slice(0, -1)) : value === one))

export type PolicyGate =
  | 'customClientId'
  | 'anyClientId'
  | 'existingSecret'
  | 'verifiers'
  | 'optionalPKCE'
  | 'foreignServiceAccounts'
  | 'resourceServer'
  | 'tokenExchange'

/** @returns whether the policies open a gate: one says true, and none says false. When none says anything it is closed. */
export function isAllowed(policies: BindingPolicies, gate: PolicyGate): boolean {
  const says = (value: boolean) => (policy: NamedPolicy) => policy.spec.allow?.[gate] === value
  return openersOf(policies).some(says(true)) && !policies.some(says(false))
}

/** @param identifier of an API; an object that breaks a rule may have any value there
 *  @returns whether the policies let a client declare this API. Without that right it holds no identifier: else a stranger could block the
 *  owner */
export function mayDeclare(policies: BindingPolicies, identifier: unknown): identifier is string {
  if (typeof identifier !== 'string' || !isAllowed(policies, 'resourceServer')) return false
  if (!isNamedWhereNeeded(policies, identifier)) return false
  return policies.every(
    ({ spec: { allow } }) => !allow?.resourceIdentifiers || covers(allow.resourceIdentifiers, identifier),
  )
}

/** Loopback URIs and bare names belong to nobody, so each needs a policy entry of its kind. `*` and `https*` are no such entry.
 *  @returns whether it has one; true for https and URNs, which need none */
export function isNamedWhereNeeded(policies: BindingPolicies, identifier: string): boolean {
  const kind = kindOf(identifier)
  if (kind === 'uri') return true
  const entries = openersOf(policies).flatMap(({ spec: { allow } }) => allow?.resourceIdentifiers ?? [])
  return covers(
    entries.filter((entry) => (kind === 'machine' ? kindOf(entry) === kind : meansNames(entry))),
    identifier,
  )
}

/** What the other identifiers begin with. */
const schemes = ['http', 'https', 'urn']

/** @returns whether a policy entry lists bare names: it is one, or a prefix of some and of no URI */
function meansNames(entry: string): boolean {
  if (!entry.endsWith('*')) return matches(entry, patterns.apiName)
  const beginning = entry.slice(0, -1)
  return matches(`${beginning}0`, patterns.apiName) && !schemes.some((scheme) => scheme.startsWith(beginning))
}

function kindOf(identifier: string): 'machine' | 'name' | 'uri' {
  if (identifier.startsWith('http:')) return 'machine'
  return isBareName(identifier) ? 'name' : 'uri'
}

/** A name such as `rabbitmq`, which could also be a client id. */
export const isBareName = (identifier: string): boolean => !identifier.includes(':')

/** @returns the lowest limit of each kind. */
export function tokenLimitsOf(policies: BindingPolicies): TokenLimits {
  const least = (kind: keyof TokenLimits, otherwise: number): number => {
    const saidBy = (some: BindingPolicies) => some.flatMap(({ spec }) => durationMs(spec.limits?.tokens?.[kind]) ?? [])
    const said = saidBy(policies)
    if (said.length === 0) return otherwise
    const isRaised = otherwise === 0 || saidBy(openersOf(policies)).length > 0
    return Math.min(...said, ...(isRaised ? [] : [otherwise * 1000])) / 1000
  }
  return { platform: least('platform', platformTokenLife.usual), access: least('access', 0) }
}

type Limit = 'clientsPerNamespace' | 'bytesPerShard'

const saidLimits = (policies: BindingPolicies, limit: Limit): readonly number[] =>
  policies.flatMap(({ spec }) => spec.limits?.[limit] ?? [])

/** @returns the quota of a namespace in a shard, bytes: the lowest of all policies */
export function shardBytesOf(policies: BindingPolicies): number {
  const isSaid = saidLimits(openersOf(policies), 'bytesPerShard').length > 0
  return Math.min(...saidLimits(policies, 'bytesPerShard'), ...(isSaid ? [] : [namespaceLimits.shardBytes]))
}

/** @returns the default limit of clients in a namespace; undefined when a policy sets one */
export function defaultClientLimit(policies: BindingPolicies): number | undefined {
  return saidLimits(openersOf(policies), 'clientsPerNamespace').length === 0 ? namespaceLimits.clients : undefined
}
