// Checks what binds a code to its request, against code injection: PKCE, or a nonce for a confidential client (RFC 9700 section 2.1.1). A
// client that requires PKCE is refused without it. For other confidential clients the operator reports unprotected codes.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { leastNonce } from '@nauthera/rules/limits'
import { isPublic } from './oidc-client.ts'

/** @returns what a request without code_challenge lacks; undefined when nothing */
export function missingBinding(config: Pick<ClientConfig, 'pkceRequired' | 'pkceOrNonce'>): string | undefined {
  if (!config.pkceRequired || config.pkceOrNonce) return undefined
  return 'send code_challenge with code_challenge_method=S256 (PKCE): this client must'
}

/** @param code the payload of a redeemed code
 *  @returns whether it was protected; undefined for a client without this report */
export function codeProtection(
  config: Pick<ClientConfig, 'pkceOrNonce' | 'tokenEndpointAuthMethod'>,
  code: Readonly<Record<string, unknown>>,
): boolean | undefined {
  if (!config.pkceOrNonce || isPublic(config)) return undefined
  if (typeof code['codeChallenge'] === 'string') return true
  const { scope, nonce } = code
  // without an ID token the nonce is not returned
  const isOpenId = typeof scope === 'string' && scope.split(' ').includes('openid')
  return isOpenId && typeof nonce === 'string' && nonce.length >= leastNonce
}
