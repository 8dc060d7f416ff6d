import { oidcScopes } from '@nauthera/rules/scopes'
import { ProtocolError } from '../protocol-error.ts'
import type { ClientInstances } from './instances.ts'
import type { OidcClient } from './oidc-client.ts'

// An API is a client too (spec.resourceServer). Clients change while a Provider's list of scopes is fixed, so the
// scopes of APIs are not in that list. Which of them a client may ask for is decided here, by its audiences and the
// API's own list.

/** The scopes that a client may ask for at an API.
 *  @throws ProtocolError invalid_target for an API that the client does not list */
export function apiScopes(
  identifier: string,
  client: OidcClient,
  clients: Pick<ClientInstances, 'findApi'>,
): readonly string[] {
  const isItself = client.config.resourceServer?.identifier === identifier
  if (!isItself && !client.config.audiences.includes(identifier)) {
    throw new ProtocolError('invalid_target', {
      description: 'this client may not ask for the API in resource; add the API to spec.audiences of the OIDCClient',
    })
  }
  const api = clients.findApi(identifier)
  return api?.config.resourceServer?.scopes ?? client.config.scopes.filter((scope) => !oidcScopes.includes(scope))
}
