// What a client is called.
import { ageOf, byAge } from '@nauthera/rules/age'
import { defaultClientId } from '@nauthera/rules/tenants'
import type { OIDCClient } from '../../api/oidc-client.ts'

/** @returns `namespace/name`. */
export function keyOf(client: Pick<OIDCClient, 'metadata'>): string {
  return `${client.metadata.namespace}/${client.metadata.name}`
}

/** @returns `spec.clientId`, else `<namespace>.<name>`; of a mirror `<cluster>_<namespace>.<name>`. */
export function clientIdOf(client: OIDCClient): string {
  return client.spec.clientId ?? defaultClientId(client.metadata)
}

/** @returns the clients, the oldest first */
export const oldestFirst = (clients: readonly OIDCClient[]): readonly OIDCClient[] =>
  clients
    .map((client) => ({ client, ...ageOf(client.metadata) }))
    .toSorted(byAge)
    .map(({ client }) => client)
