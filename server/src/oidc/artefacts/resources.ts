import { apiScopes } from '../clients/apis.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { lifetimes } from '../lifetimes.ts'

/** The form of an access token for an API. */
export interface ApiToken {
  readonly scope: string
  readonly audience: string
  /** Seconds. */
  readonly accessTokenTTL: number
  readonly accessTokenFormat: 'opaque' | 'jwt'
  readonly jwt: { readonly sign: { readonly alg: string } }
}

/** @param needs.algorithm signs for clients that name no algorithm
 *  @throws ProtocolError invalid_target for an API that the client does not list
 *  Source: RFC 8707, RFC 9068. */
export function apiTokenOf(
  identifier: string,
  client: OidcClient,
  needs: { clients: Pick<ClientInstances, 'findApi'>; algorithm: string },
): ApiToken {
  const { config } = client
  return {
    scope: apiScopes(identifier, client, needs.clients).join(' '),
    audience: identifier,
    accessTokenTTL: config.accessTokenTtl || lifetimes.accessToken,
    accessTokenFormat: config.accessTokenFormat === 'opaque' ? 'opaque' : 'jwt',
    jwt: { sign: { alg: config.accessTokenSignedResponseAlg || needs.algorithm } },
  }
}

/** The API of a token request without `resource`. With client_credentials it is the client's only audience. A person's
 *  token without `resource` is for userinfo, and opaque. */
export function defaultResource(
  client: OidcClient,
  grantType: unknown,
  oneOf: readonly string[] | undefined,
): string | undefined {
  if (oneOf) return oneOf[0]
  const { audiences } = client.config
  return grantType === 'client_credentials' && audiences.length === 1 ? audiences[0] : undefined
}

/** A client may introspect its own tokens, and an API the tokens that are issued for it (RFC 7662 section 4). */
export function mayIntrospect(caller: OidcClient, token: { clientId?: string | undefined; aud?: unknown }): boolean {
  if (token.clientId === caller.clientId) return true
  const identifier = caller.config.resourceServer?.identifier
  return identifier !== undefined && token.aud === identifier
}
