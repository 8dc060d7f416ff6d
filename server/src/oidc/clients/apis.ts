import { oidcScopes } from '@nauthera/rules/scopes'
import { ProtocolError } from '../protocol-error.ts'
import type { ClientInstances } from './instances.ts'
import type { OidcClient } from './oidc-client.ts'

// APIs are clients too (spec.resourceServer). Their scopes are no scopes of the Provider, which does not swap with
// clients: who may ask for them is decided here, from the caller's audiences and the API's own list.

/** The scopes that a client may ask for at an API.
 *  @throws ProtocolError invalid_target for an API that the client does not list */
export function apiScopes(
  identifier: string,
  client: OidcClient,
  clients: Pick<ClientInstances, 'findApi'>,
): readonly string[] {
  const isItself = client.config.resourceServer?.identifier === identifier
  if (!isItself && !client.config.audiences.includes(identifier)) {
    throw new ProtocolError('invalid_target', { description: 'resource indicator is missing, or unknown' })
  }
  const api = clients.findApi(identifier)
  return api?.config.resourceServer?.scopes ?? client.config.scopes.filter((scope) => !oidcScopes.includes(scope))
}
