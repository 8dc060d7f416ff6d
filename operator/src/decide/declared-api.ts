// What an object says as an API: spec.resourceServer, and whether it stands.
import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientConfig, ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { OIDCClient } from '../api/oidc-client.ts'
import { keyOf } from './acceptance.ts'
import type { Acceptance } from './acceptance.ts'
import { mayDeclare } from './policies.ts'
import type { BindingPolicies } from './policies.ts'

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
   *  still have the object under this identifier, and its spec names another one or none. */
  readonly standing: 'open' | 'suspended' | 'invalid' | 'denied' | 'taken' | 'left'
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
 *  @returns what the object says as an API; undefined when it names no identifier */
export function declaredApi(
  client: OIDCClient,
  about: {
    readonly acceptance: Acceptance
    readonly policies: BindingPolicies
    readonly denied: 'no' | 'grace' | 'over'
    readonly isHeld: (identifier: string) => boolean
  },
): DeclaredApi | undefined {
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

/** @param carried the version that servers keep while the present one is refused
 *  @returns what an API that waits for another identifier is until then: its earlier version, with the access and the restraint of today;
 *    undefined for any other object */
export function waitingApi(
  client: OIDCClient,
  about: { readonly acceptance: Acceptance; readonly denied: 'no' | 'grace' | 'over' },
  carried: ClientVersion | undefined,
): DeclaredApi | undefined {
  const { metadata, spec } = client
  if (about.acceptance.kind !== 'conflict' || !spec.resourceServer) return undefined
  const served = apiIn(carried)
  if (!served || served.identifier === spec.resourceServer.identifier) return undefined
  return {
    key: keyOf(client),
    namespace: metadata.namespace,
    identifier: served.identifier,
    claim: 'held',
    createdAt: Date.parse(metadata.creationTimestamp),
    uid: metadata.uid,
    standing: about.denied === 'over' ? 'denied' : spec.suspended === true ? 'suspended' : 'open',
    scopes: served.scopes,
    types: served.authorizationDetails.map(({ type }) => type),
    access: spec.resourceServer.access,
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
