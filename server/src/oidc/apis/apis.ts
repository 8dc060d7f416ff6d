// Decides which scopes and details of APIs a client may have: those that its version lists and the operator granted. A Provider's list of
// scopes is fixed while clients change, so scopes of APIs are not in that list.
import type { AuthorizationDetailsType, ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { oidcScopes } from '@nauthera/rules/scopes'
import type { OidcClient } from '../clients/oidc-client.ts'

export type ApisOf = Pick<OidcClient, 'config' | 'granted' | 'namespace' | 'name'>

export interface Apis {
  /** The client that is this API (spec.resourceServer; RFC 8707). */
  findApi(identifier: string): OidcClient | undefined
  /** Whether its client is suspended. Then nobody gets a token for it, also while the operator still grants access to it. */
  isSuspendedApi(identifier: string): boolean
}

/** @returns the scopes that a client may have at an API; undefined without access to the API */
export function scopesAt(identifier: string, client: ApisOf): readonly string[] | undefined {
  const { config, granted } = client
  if (!config.audiences.includes(identifier) && config.resourceServer?.identifier !== identifier) return undefined
  return granted
    .find((api) => api.identifier === identifier)
    ?.scopes.filter((scope) => config.scopes.includes(scope) && !oidcScopes.includes(scope))
}

/** @returns the types of authorization details that a client may request at an API, as declared */
export function detailTypesAt(identifier: string, client: ApisOf, apis: Apis): readonly AuthorizationDetailsType[] {
  const { config, granted } = client
  const may = granted.find((api) => api.identifier === identifier)?.types ?? []
  if (may.length === 0 || !listedApis(config).includes(identifier)) return []
  const declared = apis.findApi(identifier)?.config.resourceServer?.authorizationDetails ?? []
  return declared.filter(({ type }) => may.includes(type) && config.authorizationDetailsTypes.includes(type))
}

/** @returns the APIs that a client may request, with their scopes */
export function apisOf(client: ApisOf): { identifier: string; scopes: readonly string[] }[] {
  return listedApis(client.config).flatMap((identifier) => {
    const scopes = scopesAt(identifier, client)
    return scopes === undefined ? [] : [{ identifier, scopes }]
  })
}

/** @returns the scopes about a person that a client may have */
export const personScopes = ({ scopes }: Pick<ClientConfig, 'scopes'>): readonly string[] =>
  scopes.filter((scope) => oidcScopes.includes(scope))

/** Whether a client may have a scope, about the person or at one of its APIs. */
export const mayHave = (scope: string, client: ApisOf): boolean =>
  oidcScopes.includes(scope)
    ? client.config.scopes.includes(scope)
    : apisOf(client).some(({ scopes }) => scopes.includes(scope))

/** The audiences of a client; an API may also request itself. */
const listedApis = ({ audiences, resourceServer }: ClientConfig): readonly string[] =>
  resourceServer === undefined ? audiences : [...new Set([...audiences, resourceServer.identifier])]
