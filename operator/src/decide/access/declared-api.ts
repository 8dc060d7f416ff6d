// Decides which API an object declares (spec.resourceServer), and whether that API is open.
import { ageOf } from '@nauthera/rules/age'
import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientConfig, ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { tenantOf } from '@nauthera/rules/tenants'
import type { Tenant } from '@nauthera/rules/tenants'
import { fieldsOf } from '@nauthera/runtime/json'
import { checkValue } from '../../api/check.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { apiAccess } from '../../api/resource-server.ts'
import { renderSchema } from '../../api/schema.ts'
import { keyOf } from '../client/client-names.ts'
import { mayDeclare } from '../client/policies.ts'
import type { BindingPolicies } from '../client/policies.ts'
import { restraintOf } from '../client/restraint.ts'

/** An object that names an identifier of an API, in whatever state. While one is there, no policy can allow the identifier as an audience
 *  that nobody declares. */
export interface DeclaredApi {
  /** `namespace/name`. */
  readonly key: string
  readonly tenant: Tenant
  readonly identifier: string
  /** Of several objects with one identifier, the served one is the API, else the oldest that policies allow to claim it. */
  readonly claim: 'held' | 'claimed' | 'named'
  /** Epoch milliseconds, and the UID. */
  readonly createdAt: number
  readonly uid: string
  /** Only an `open` API accepts callers. `taken`: another object holds its identifier, or its client id. `left`: servers still have this
   *  identifier, but the spec no longer names it. `waiting`: servers still have another identifier, since the present version has no room,
   *  is rejected or not yet delivered. */
  readonly standing: 'open' | 'suspended' | 'invalid' | 'denied' | 'taken' | 'left' | 'waiting'
  readonly scopes: readonly string[]
  /** Of authorization details. */
  readonly types: readonly string[]
  /** Undefined allows callers of its own tenant, with all scopes and types. */
  readonly access: readonly AccessEntry[] | undefined
}

export type AccessEntry = NonNullable<NonNullable<OIDCClient['spec']['resourceServer']>['access']>[number]

/** @param about.policies those that bind
 *  @param about.denied whether a policy refuses the object; `grace` while its served version may stay
 *  @param about.isHeld servers have it under this identifier
 *  @param about.earlier the version that is served while the present one is not: refused, without room, rejected, or on its way
 *  @param about.mayBePresent servers may already have the present version: its access then counts under the same identifier
 *  @returns no API, one, or two while it is served under one identifier and waits for another. At most one is open */
export function declaredApis(
  client: OIDCClient,
  about: About & { readonly earlier: ClientVersion | undefined; readonly mayBePresent?: boolean },
): readonly DeclaredApi[] {
  const wanted = wantedApi(client, about)
  const served = wanted && servedApi(client, about)
  if (!wanted || !served) return wanted ? [wanted] : []
  if (wanted.identifier === served.identifier) return [about.mayBePresent === true ? wanted : served]
  return [wanted.standing === 'open' ? { ...wanted, standing: 'waiting' } : wanted, served]
}

interface About {
  /** The spec breaks a rule, or another object holds one of its names. */
  readonly refused: 'invalid' | 'taken' | undefined
  readonly policies: BindingPolicies
  readonly denied: 'no' | 'grace' | 'over'
  readonly isHeld: (identifier: string) => boolean
}

function wantedApi(client: OIDCClient, about: About): DeclaredApi | undefined {
  const { metadata, spec } = client
  const identifier = identifierOf(spec)
  if (typeof identifier !== 'string') return undefined
  const isHeld = about.isHeld(identifier)
  const mayHave = mayDeclare(about.policies, identifier)
  // in its grace period an API works as before, under the served identifier
  const isDenied = about.denied === 'over' || (!isHeld && (about.denied === 'grace' || !mayHave))
  const standing = standingOf(client, { refused: about.refused, isDenied, isHeld })
  return {
    key: keyOf(client),
    tenant: tenantOf(metadata),
    identifier,
    claim: isHeld ? 'held' : mayHave ? 'claimed' : 'named',
    ...ageOf(metadata),
    standing,
    // an object that breaks a rule may hold values of any shape
    scopes: standing === 'invalid' ? [] : (spec.resourceServer?.scopes ?? []).map(({ name }) => name),
    types: standing === 'invalid' ? [] : (spec.resourceServer?.authorizationDetails ?? []).map(({ type }) => type),
    access: standing === 'invalid' ? [] : spec.resourceServer?.access,
  }
}

/** An API whose present version is not served works in its earlier version, with today's access and restraint. Scopes that it no longer
 *  lists are withdrawn. */
function servedApi(
  client: OIDCClient,
  { denied, earlier }: Pick<About, 'denied'> & { readonly earlier: ClientVersion | undefined },
): DeclaredApi | undefined {
  const { metadata, spec } = client
  const served = apiIn(earlier)
  if (!served) return undefined
  const isMoved = served.identifier !== identifierOf(spec)
  const { scopes, types, access } = readApi(spec)
  return {
    key: keyOf(client),
    tenant: tenantOf(metadata),
    identifier: served.identifier,
    claim: 'held',
    ...ageOf(metadata),
    standing: denied === 'over' ? 'denied' : restraintOf(spec)?.suspended === true ? 'suspended' : 'open',
    scopes: served.scopes.filter((scope) => isMoved || scopes.includes(scope)),
    types: served.authorizationDetails.map(({ type }) => type).filter((type) => isMoved || types.includes(type)),
    access,
  }
}

/** A version that cannot be read is no API. */
function apiIn(version: ClientVersion | undefined): ClientConfig['resourceServer'] {
  try {
    return version && parseVersion(version).resourceServer
  } catch {
    return undefined
  }
}

/** Readable parts count. An entry with an unreadable part allows nobody. */
function readApi(spec: unknown): {
  readonly scopes: readonly unknown[]
  readonly types: readonly unknown[]
  readonly access: DeclaredApi['access']
} {
  const { scopes, authorizationDetails, access } = fieldsOf(fieldsOf(spec)['resourceServer'])
  return {
    scopes: listOf(scopes).map((one) => fieldsOf(one)['name']),
    types: listOf(authorizationDetails).map((one) => fieldsOf(one)['type']),
    access: access === undefined ? undefined : listOf(access).filter(isEntry),
  }
}

const entrySchema = renderSchema(apiAccess)

const isEntry = (one: unknown): one is AccessEntry => checkValue(entrySchema, one).length === 0

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** @returns an API with the identifier that accepts no callers */
export function closedApi(
  { metadata }: OIDCClient,
  identifier: string,
  closed: { readonly claim: DeclaredApi['claim']; readonly standing: 'left' | 'invalid' },
): DeclaredApi {
  return {
    ...closed,
    key: `${metadata.namespace}/${metadata.name}`,
    tenant: tenantOf(metadata),
    identifier,
    ...ageOf(metadata),
    scopes: [],
    types: [],
    access: [],
  }
}

/** A spec that breaks a rule may have any shape. */
function identifierOf(spec: unknown): unknown {
  return fieldsOf(fieldsOf(spec)['resourceServer'])['identifier']
}

function standingOf(
  { spec }: OIDCClient,
  { refused, isDenied, isHeld }: { refused: About['refused']; isDenied: boolean; isHeld: boolean },
): DeclaredApi['standing'] {
  if (refused === 'invalid') return 'invalid'
  // an object that waits for another name still has this one
  if (refused === 'taken' && !isHeld) return 'taken'
  if (isDenied) return 'denied'
  return spec.suspended === true ? 'suspended' : 'open'
}
