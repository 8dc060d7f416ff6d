// Decides which client may call which API, with which scopes. Servers only carry this out.
import { create } from '@bufbuild/protobuf'
import { parseVersion } from '@nauthera/proto/client-version'
import {
  DocumentAccessSchema,
  GrantedApiSchema,
  GrantedSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type {
  ClientConfig,
  ClientVersion,
  Granted,
  ShardEntry,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { byAge } from '@nauthera/rules/age'
import { oidcScopes } from '@nauthera/rules/scopes'
import { isSameTenant, tenantOf } from '@nauthera/rules/tenants'
import type { Tenant } from '@nauthera/rules/tenants'
import type { LabelSelector } from '../../api/label-selector.ts'
import type { AccessEntry, DeclaredApi } from './declared-api.ts'
import type { Judgement } from './judgement.ts'
import { covers, isBareName, namesTenant, openersOf, selects } from '../client/policies.ts'
import type { BindingPolicies } from '../client/policies.ts'

/** Labels of a namespace; undefined where they are not known for certain. */
export type NamespaceLabels = Readonly<Record<string, string>> | undefined

/** A client that lists audiences. */
export interface Caller {
  readonly tenant: Tenant
  /** Under which it is served. */
  readonly clientId: string
  readonly labels: NamespaceLabels
  readonly audiences: readonly string[]
  /** All scopes that it may request; scopes about a person belong to no API. */
  readonly scopes: readonly string[]
  /** Of authorization details that it may ask for. */
  readonly types: readonly string[]
  readonly policies: BindingPolicies
}

/** The access of a caller to one audience. */
export type ApiAccess =
  | {
      readonly kind: 'granted'
      readonly identifier: string
      readonly scopes: readonly string[]
      /** Types of authorization details. */
      readonly types: readonly string[]
      /** Scopes and types that caller and API both list, and that no access entry grants. */
      readonly withheld: readonly string[]
      /** `namespace/name` of the API; undefined for one that no object declares. */
      readonly api: string | undefined
    }
  | {
      readonly kind: 'refused'
      readonly identifier: string
      readonly api: string | undefined
      readonly why: AccessRefusal
    }

export type AccessRefusal =
  | { readonly kind: 'undeclared' }
  | { readonly kind: 'policy'; readonly policy: string }
  | { readonly kind: 'closed'; readonly standing: Exclude<DeclaredApi['standing'], 'open'> }
  | { readonly kind: 'no-entry' }

/** @param declaring every object that declares the identifier (declaredApi)
 *  @returns the access to each audience of the caller, sorted by identifier */
export function resolveAccess(
  caller: Caller,
  declaring: (identifier: string) => readonly DeclaredApi[],
): readonly ApiAccess[] {
  return [...new Set(caller.audiences)]
    .toSorted((left, right) => (left < right ? -1 : 1))
    .map((identifier) => accessTo(identifier, caller, apiOf(declaring(identifier))))
}

/** @param api that has the identifier (apiOf)
 *  @returns the caller's access to one audience */
export function accessTo(identifier: string, caller: Caller, api: DeclaredApi | undefined): ApiAccess {
  const binding = caller.policies
  const refuse = (why: AccessRefusal): ApiAccess => ({ kind: 'refused', identifier, api: api?.key, why })
  const without = binding.find(({ spec: { allow } }) => allow?.audiences && !covers(allow.audiences, identifier))
  if (without) return refuse({ kind: 'policy', policy: without.name })
  const own = caller.scopes.filter((scope) => !oidcScopes.includes(scope))
  const allowed = own.filter((scope) =>
    binding.every(({ spec: { allow } }) => !allow?.scopes || covers(allow.scopes, scope)),
  )
  if (!api) {
    const isListed = openersOf(binding).some(
      ({ spec: { allow } }) => allow?.audiences && covers(allow.audiences, identifier),
    )
    // a bare name without an API may be the id of a client
    if (!isListed || isBareName(identifier)) return refuse({ kind: 'undeclared' })
    // nobody declares types of authorization details for it
    return { kind: 'granted', identifier, scopes: [...new Set(allowed)], types: [], withheld: [], api: undefined }
  }
  if (api.standing !== 'open') return refuse({ kind: 'closed', standing: api.standing })
  const entries = entriesFor(caller, api)
  if (entries.length === 0) return refuse({ kind: 'no-entry' })
  const wanted = [...new Set(api.scopes)].filter((scope) => allowed.includes(scope))
  const isLetIn = (scope: string): boolean => entries.some(({ scopes }) => !scopes || scopes.includes(scope))
  const types = typesAt(caller, api, entries)
  return {
    kind: 'granted',
    identifier,
    scopes: wanted.filter(isLetIn),
    types: types.granted,
    withheld: [...wanted.filter((scope) => !isLetIn(scope)), ...types.withheld],
    api: api.key,
  }
}

/** Types of authorization details: by the same four as scopes.
 *  @param entries of the access of the API that the caller fits */
function typesAt(
  { types, policies }: Caller,
  api: DeclaredApi,
  entries: readonly Pick<AccessEntry, 'authorizationDetailsTypes'>[],
): { granted: readonly string[]; withheld: readonly string[] } {
  const isAllowed = (type: string): boolean =>
    policies.every(
      ({ spec: { allow } }) => !allow?.authorizationDetailsTypes || covers(allow.authorizationDetailsTypes, type),
    )
  const isLetIn = (type: string): boolean =>
    entries.some(({ authorizationDetailsTypes: listed }) => !listed || listed.includes(type))
  const wanted = [...new Set(api.types)].filter((type) => types.includes(type) && isAllowed(type))
  return { granted: wanted.filter(isLetIn), withheld: wanted.filter((type) => !isLetIn(type)) }
}

/** @param declaring every object that names one identifier
 *  @returns the one that has it, in the order of acceptance.ts: who is served under it, then the oldest that may claim it */
export function apiOf(declaring: readonly DeclaredApi[]): DeclaredApi | undefined {
  return declaring.toSorted(
    (left, right) => claimOrder.indexOf(left.claim) - claimOrder.indexOf(right.claim) || byAge(left, right),
  )[0]
}

const claimOrder: readonly DeclaredApi['claim'][] = ['held', 'claimed', 'named']

/** @returns the entries of its access that the caller fits */
function entriesFor(
  caller: Caller,
  api: DeclaredApi,
): readonly Pick<AccessEntry, 'scopes' | 'authorizationDetailsTypes'>[] {
  if (!api.access) return isSameTenant(caller.tenant, api.tenant) ? [{}] : []
  const { cluster, namespace } = caller.tenant
  return api.access.filter(({ namespaces, namespaceSelector, clientIds, clusters }) => {
    if (!namespaces && !namespaceSelector && !clientIds && !clusters) return false
    const isOfHere = cluster === undefined
    return (
      (!namespaces || (isOfHere && (namespaces.includes('*') || namespaces.includes(namespace)))) &&
      (!namespaceSelector || (isOfHere && surelySelects(namespaceSelector, caller.labels))) &&
      (!clusters || namesTenant(clusters, caller.tenant)) &&
      (!clientIds || clientIds.includes(caller.clientId))
    )
  })
}

/** A selector that cannot be evaluated selects nobody: labels are unknown, or a requirement is empty. */
function surelySelects(selector: LabelSelector, labels: NamespaceLabels): boolean {
  const isClear = (selector.matchExpressions ?? []).every(({ operator, values = [] }) =>
    operator === 'In' || operator === 'NotIn' ? values.length > 0 : values.length === 0,
  )
  return labels !== undefined && isClear && selects(selector, labels)
}

/** @param judgement of the client as it is now
 *  @param stored the shard's entry of its name, or of the object that it was restored from: an earlier version that is still served keeps
 *  its access
 *  @param labels of its namespace
 *  @returns the client as a caller; undefined when its policies are unknown or nothing of it is served, so it may call nothing */
export function callerOf(
  { client, served, binding, serve }: Pick<Judgement, 'client' | 'served' | 'binding' | 'serve'>,
  stored: ShardEntry | undefined,
  labels: NamespaceLabels,
): Caller | undefined {
  if (!binding || served === undefined) return undefined
  const asked = configsServed(serve, stored)
  return {
    tenant: tenantOf(client.metadata),
    clientId: served,
    labels,
    audiences: [...new Set(asked.flatMap(({ audiences }) => audiences))],
    scopes: [...new Set(asked.flatMap(({ scopes }) => scopes))],
    types: [...new Set(asked.flatMap(({ authorizationDetailsTypes }) => authorizationDetailsTypes))],
    policies: binding,
  }
}

/** The fields of a version that request access to APIs. */
type Asking = Pick<ClientConfig, 'audiences' | 'scopes' | 'authorizationDetailsTypes'>

/** @param stored see callerOf
 *  @returns the configs that servers may serve now: the present one, and those that are stored */
export function configsServed(
  serve: Judgement['serve'],
  stored: ShardEntry | undefined,
): readonly (Asking & Pick<ClientConfig, 'identities'>)[] {
  const present = serve.kind === 'desired' ? serve.version : undefined
  const others = [stored?.desired, stored?.accepted].filter((one) => one?.config !== present?.config)
  return [...(serve.kind === 'desired' ? [serve.config] : []), ...others.flatMap(readVersion)]
}

/** An unreadable version requests nothing. */
function readVersion(version: ClientVersion | undefined): readonly ClientConfig[] {
  try {
    return version ? [parseVersion(version)] : []
  } catch {
    return []
  }
}

/** @returns the caller with the requests of its present version only */
export function presentOnly(caller: Caller, config: Asking): Caller {
  return {
    ...caller,
    audiences: config.audiences,
    scopes: config.scopes,
    types: config.authorizationDetailsTypes,
  }
}

/** The access of clients by metadata document to an API. */
export interface DocumentGrant {
  readonly hosts: readonly string[]
  readonly scopes: readonly string[]
}

/** @param declared the client as an API: it is open under one identifier at most; @param policies those that select it
 *  @returns which clients by metadata document may call it. No policy selects those clients, so the policies of the API bind */
export function documentGrants(declared: readonly DeclaredApi[], policies: BindingPolicies): readonly DocumentGrant[] {
  const api = declared.find(({ standing }) => standing === 'open')
  if (!api) return []
  const isAllowed = (scope: string): boolean =>
    api.scopes.includes(scope) && policies.every(({ spec: { allow } }) => !allow?.scopes || covers(allow.scopes, scope))
  return (api.access ?? []).flatMap(({ clientMetadataHosts: hosts, scopes = [] }) => {
    const given = scopes.filter(isAllowed)
    return hosts && given.length > 0 ? [{ hosts: hosts.map((host) => host.toLowerCase()), scopes: given }] : []
  })
}

/** @returns the same as servers are told it */
export function grantedOf(
  access: readonly ApiAccess[],
  documents: readonly DocumentGrant[] = [],
  redirectUris: readonly string[] = [],
): Granted {
  const granted = access.filter((one) => one.kind === 'granted')
  return create(GrantedSchema, {
    apis: granted.map(({ identifier, scopes, types }) =>
      create(GrantedApiSchema, { identifier, scopes: [...scopes], authorizationDetailsTypes: [...types] }),
    ),
    documents: documents.map(({ hosts, scopes }) =>
      create(DocumentAccessSchema, { hosts: [...hosts], scopes: [...scopes] }),
    ),
    redirectUris: [...redirectUris],
  })
}

/** @returns whether servers and status get the same from both */
export function isSameAccess(one: ApiAccess, other: ApiAccess): boolean {
  if (one.kind === 'refused' || other.kind === 'refused') return JSON.stringify(one) === JSON.stringify(other)
  return (
    one.api === other.api &&
    sameTexts(one.scopes, other.scopes) &&
    sameTexts(one.types, other.types) &&
    sameTexts(one.withheld, other.withheld)
  )
}

const sameTexts = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((text, index) => text === other[index])

/** @returns the scopes of APIs among those of a caller that none of its audiences gives */
export function ungrantedScopes(scopes: readonly string[], access: readonly ApiAccess[]): readonly string[] {
  const given = new Set(access.flatMap((one) => (one.kind === 'granted' ? one.scopes : [])))
  return scopes.filter((scope) => !oidcScopes.includes(scope) && !given.has(scope))
}

/** @returns the types of authorization details of a caller that none of its audiences gives */
export function ungrantedTypes(types: readonly string[], access: readonly ApiAccess[]): readonly string[] {
  const given = new Set(access.flatMap((one) => (one.kind === 'granted' ? one.types : [])))
  return types.filter((type) => !given.has(type))
}
