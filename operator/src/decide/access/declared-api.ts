// What an object says as an API: spec.resourceServer, and whether it stands.
import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientConfig, ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { checkValue } from '../../api/check.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { apiAccess } from '../../api/resource-server.ts'
import { renderSchema } from '../../api/schema.ts'
import { keyOf } from '../client/acceptance.ts'
import type { Acceptance } from '../client/acceptance.ts'
import { mayDeclare } from '../client/policies.ts'
import type { BindingPolicies } from '../client/policies.ts'
import { restraintOf } from '../client/restraint.ts'

/** An object that names an identifier of an API, in whatever state. While one is there, no policy can allow the identifier as an audience
 *  that nobody declares. */
export interface DeclaredApi {
  /** `namespace/name`. */
  readonly key: string
  readonly namespace: string
  readonly identifier: string
  /** Of several objects the one that is served under the identifier is the API, then the oldest that policy lets claim it. */
  readonly claim: 'held' | 'claimed' | 'named'
  /** Epoch milliseconds, and the UID. */
  readonly createdAt: number
  readonly uid: string
  /** Any but `open` lets nobody in. `taken`: another object has its identifier, or its client id while it is not served; `left`: servers
   *  still have the object under this identifier, and its spec names another one or none. `waiting`: it is served under another one, since
   *  its present version has no room, is rejected, or is on its way. */
  readonly standing: 'open' | 'suspended' | 'invalid' | 'denied' | 'taken' | 'left' | 'waiting'
  readonly scopes: readonly string[]
  /** Of authorization details. */
  readonly types: readonly string[]
  /** Undefined: callers of its own namespace, with all scopes and types. */
  readonly access: readonly AccessEntry[] | undefined
}

export type AccessEntry = NonNullable<NonNullable<OIDCClient['spec']['resourceServer']>['access']>[number]

/** @param about.policies those that bind
 *  @param about.denied whether one of them refuses the object: `grace` while what is served of it may serve on
 *  @param about.isHeld servers have it under this identifier
 *  @param about.earlier the version that is served while the present one is not: refused, without room, rejected, or on its way
 *  @param about.mayBePresent servers may have the present one too: under the same identifier its words count
 *  @returns what the object says as an API: nothing, one identifier, or two while it is served under one and waits for another. It is open
 *    under one at most */
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
  readonly acceptance: Acceptance
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
  // in its grace an API works as before, under the identifier that servers have
  const isDenied = about.denied === 'over' || (!isHeld && (about.denied === 'grace' || !mayHave))
  const standing = standingOf(client, { acceptance: about.acceptance, isDenied, isHeld })
  return {
    key: keyOf(client),
    namespace: metadata.namespace,
    identifier,
    claim: isHeld ? 'held' : mayHave ? 'claimed' : 'named',
    createdAt: Date.parse(metadata.creationTimestamp),
    uid: metadata.uid,
    standing,
    // an object that breaks a rule may hold values of any shape
    scopes: standing === 'invalid' ? [] : (spec.resourceServer?.scopes ?? []).map(({ name }) => name),
    types: standing === 'invalid' ? [] : (spec.resourceServer?.authorizationDetails ?? []).map(({ type }) => type),
    access: standing === 'invalid' ? [] : spec.resourceServer?.access,
  }
}

/** An API whose present version is not served works in its earlier one, with the access and the restraint of today. Under an identifier that
 *  it still names, what it lists no more is withdrawn. */
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
    namespace: metadata.namespace,
    identifier: served.identifier,
    claim: 'held',
    createdAt: Date.parse(metadata.creationTimestamp),
    uid: metadata.uid,
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

/** What can be read of it counts. An entry of which something cannot be read lets nobody in. */
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

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

/** @returns an object that has the identifier and lets nobody in, whatever it says */
export function closedApi(
  { metadata }: OIDCClient,
  identifier: string,
  closed: { readonly claim: DeclaredApi['claim']; readonly standing: 'left' | 'invalid' },
): DeclaredApi {
  return {
    ...closed,
    key: `${metadata.namespace}/${metadata.name}`,
    namespace: metadata.namespace,
    identifier,
    createdAt: Date.parse(metadata.creationTimestamp),
    uid: metadata.uid,
    scopes: [],
    types: [],
    access: [],
  }
}

/** A spec that breaks a rule may have any shape. */
function identifierOf(spec: unknown): unknown {
  const { resourceServer } = (spec ?? {}) as { readonly resourceServer?: unknown }
  const { identifier } = (resourceServer ?? {}) as { readonly identifier?: unknown }
  return identifier
}

function standingOf(
  { spec }: OIDCClient,
  { acceptance, isDenied, isHeld }: { acceptance: Acceptance; isDenied: boolean; isHeld: boolean },
): DeclaredApi['standing'] {
  if (acceptance.kind === 'invalid' || acceptance.kind === 'too-large') return 'invalid'
  // one that waits for another name still has this one
  if (acceptance.kind === 'conflict' && !isHeld) return 'taken'
  if (isDenied) return 'denied'
  return spec.suspended === true ? 'suspended' : 'open'
}
