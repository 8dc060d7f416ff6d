// What an object says as an API: spec.resourceServer, and whether it stands.
import type { OIDCClient } from '../api/oidc-client.ts'
import { keyOf } from './acceptance.ts'
import type { Acceptance } from './acceptance.ts'
import { mayDeclare } from './policies.ts'
import type { Policies } from './policies.ts'

/** An object that declares an identifier, and that policy lets be an API. While one is there, no policy can allow the
 *  identifier as an audience that nobody declares. */
export interface DeclaredApi {
  /** `namespace/name`. */
  readonly key: string
  readonly namespace: string
  readonly identifier: string
  /** Epoch milliseconds, and the UID: of several the oldest is the API. */
  readonly createdAt: number
  readonly uid: string
  /** Any but `open` lets nobody in. `taken`: an older object has its client id or its identifier. */
  readonly standing: 'open' | 'suspended' | 'invalid' | 'denied' | 'taken'
  readonly scopes: readonly string[]
  /** Of authorization details. */
  readonly types: readonly string[]
  /** Undefined: callers of its own namespace, with all scopes and types. */
  readonly access: readonly AccessEntry[] | undefined
}

export type AccessEntry = NonNullable<NonNullable<OIDCClient['spec']['resourceServer']>['access']>[number]

/** @param about.isDenied a policy refuses the object, whatever its grace
 *  @returns what the object says as an API; undefined when it declares none, or policy does not let it be one */
export function declaredApi(
  client: OIDCClient,
  about: { readonly acceptance: Acceptance; readonly policies: Policies; readonly isDenied: boolean },
): DeclaredApi | undefined {
  const { metadata, spec } = client
  const identifier = identifierOf(spec)
  if (!mayDeclare(about.policies, identifier)) return undefined
  const standing = standingOf(client, about)
  return {
    key: keyOf(client),
    namespace: metadata.namespace,
    identifier,
    createdAt: Date.parse(metadata.creationTimestamp),
    uid: metadata.uid,
    standing,
    // an object that breaks a rule may hold values of any shape
    scopes: standing === 'invalid' ? [] : (spec.resourceServer?.scopes ?? []),
    types: standing === 'invalid' ? [] : (spec.resourceServer?.authorizationDetails ?? []).map(({ type }) => type),
    access: standing === 'invalid' ? [] : spec.resourceServer?.access,
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
  { acceptance, isDenied }: { readonly acceptance: Acceptance; readonly isDenied: boolean },
): DeclaredApi['standing'] {
  if (acceptance.kind === 'invalid' || acceptance.kind === 'too-large') return 'invalid'
  if (acceptance.kind === 'conflict') return 'taken'
  if (isDenied) return 'denied'
  return spec.suspended === true ? 'suspended' : 'open'
}
