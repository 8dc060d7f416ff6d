import type { AuthorizationDetailsType, ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { oidcScopes } from '@nauthera/rules/scopes'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'

// An API is a client too (spec.resourceServer). Clients change while a Provider's list of scopes is fixed, so the
// scopes of APIs are not in that list. What a client may have of them is decided here and nowhere else: what its version
// lists, and what the operator granted.

export type ApisOf = Pick<OidcClient, 'config' | 'granted' | 'namespace' | 'name'>
export type Apis = Pick<ClientInstances, 'findApi'>

/** @returns the scopes that a client may have at an API; undefined when it may not ask for that API at all */
export function scopesAt(identifier: string, client: ApisOf): readonly string[] | undefined {
  const { config, granted } = client
  if (!listedApis(config).includes(identifier)) return undefined
  return granted
    .find((api) => api.identifier === identifier)
    ?.scopes.filter((scope) => config.scopes.includes(scope) && !oidcScopes.includes(scope))
}

/** @returns the types of authorization details that a client may ask for at an API, as the API declares them */
export function detailTypesAt(identifier: string, client: ApisOf, apis: Apis): readonly AuthorizationDetailsType[] {
  const { config, granted } = client
  const may = granted.find((api) => api.identifier === identifier)?.types ?? []
  if (may.length === 0 || !listedApis(config).includes(identifier)) return []
  const declared = apis.findApi(identifier)?.config.resourceServer?.authorizationDetails ?? []
  return declared.filter(({ type }) => may.includes(type) && config.authorizationDetailsTypes.includes(type))
}

/** @returns the APIs that a client may ask for, each with its scopes */
export function apisOf(client: ApisOf): { identifier: string; scopes: readonly string[] }[] {
  return listedApis(client.config).flatMap((identifier) => {
    const scopes = scopesAt(identifier, client)
    return scopes === undefined ? [] : [{ identifier, scopes }]
  })
}

/** @returns the scopes about a person that a client may have */
export const personScopes = ({ scopes }: Pick<ClientConfig, 'scopes'>): readonly string[] =>
  scopes.filter((scope) => oidcScopes.includes(scope))

/** A client that is an API may ask for itself. */
const listedApis = ({ audiences, resourceServer }: ClientConfig): readonly string[] =>
  resourceServer === undefined ? audiences : [...new Set([...audiences, resourceServer.identifier])]
