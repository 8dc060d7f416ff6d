import { errors } from 'oidc-provider'
import type { ResourceServer } from 'oidc-provider'
import { oidcScopes } from '@nauthera/rules/scopes'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { ClientInstances } from '../clients/instances.ts'

// APIs are clients too (spec.resourceServer). Their scopes are no scopes of the Provider, which does not swap with
// clients: who may ask for them is decided here, from the caller's audiences and the API's own list.

/** What a token for an API looks like (RFC 8707, RFC 9068).
 *  @throws InvalidTarget for an API that the client does not list */
export function resourceServerOf(
  identifier: string,
  client: OidcClient,
  needs: { clients: ClientInstances; algorithm: string; accessTokenTtl: number },
): ResourceServer {
  const api = needs.clients.findApi(identifier)
  const isItself = client.config.resourceServer?.identifier === identifier
  if (!isItself && !client.config.audiences.includes(identifier)) throw new errors.InvalidTarget()
  const own = client.config.scopes.filter((scope) => !oidcScopes.includes(scope))
  return {
    scope: (api?.config.resourceServer?.scopes ?? own).join(' '),
    audience: identifier,
    accessTokenTTL: client.config.accessTokenTtl || needs.accessTokenTtl,
    accessTokenFormat: client.config.accessTokenFormat === 'opaque' ? 'opaque' : 'jwt',
    jwt: { sign: { alg: needs.algorithm as 'ES256' } },
  }
}

/** Which API a request means that names none: for a machine its only audience. A person's token without a resource is
 *  for userinfo, and opaque. */
export function defaultResource(
  client: OidcClient,
  grantType: unknown,
  oneOf: readonly string[] | undefined,
): string | undefined {
  if (oneOf) return oneOf[0]
  const { audiences } = client.config
  return grantType === 'client_credentials' && audiences.length === 1 ? audiences[0] : undefined
}

/** Own tokens; and an API may look at those that are for it (RFC 7662 section 4). */
export function mayIntrospect(caller: OidcClient, token: { clientId?: string; aud?: unknown }): boolean {
  if (token.clientId === caller.clientId) return true
  const identifier = caller.config.resourceServer?.identifier
  return identifier !== undefined && token.aud === identifier
}
