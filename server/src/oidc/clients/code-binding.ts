import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { leastNonce } from '@nauthera/rules/limits'
import { isPublic } from './oidc-client.ts'

// What ties a code to the sign-in that asked for it, so that nobody can bring a stolen code into a session of their own: PKCE,
// or the nonce that a confidential client checks in the ID token (RFC 9700 section 2.1.1). A client that must have PKCE is refused
// without it. Of the others that prove themselves it is told whether their codes have either.

/** @returns what a request without code_challenge must have besides; undefined when this client may do without */
export function missingBinding(config: Pick<ClientConfig, 'pkceRequired' | 'pkceOrNonce'>): string | undefined {
  if (!config.pkceRequired || config.pkceOrNonce) return undefined
  return 'send code_challenge with code_challenge_method=S256 (PKCE): this client must'
}

/** @param code what is known of a code that its client has redeemed
 *  @returns whether it was protected; undefined of a client of which that is not told */
export function codeProtection(
  config: Pick<ClientConfig, 'pkceOrNonce' | 'tokenEndpointAuthMethod'>,
  code: Readonly<Record<string, unknown>>,
): boolean | undefined {
  if (!config.pkceOrNonce || isPublic(config)) return undefined
  if (typeof code['codeChallenge'] === 'string') return true
  const { scope, nonce } = code
  // without an ID token nobody gets the nonce back
  const isOpenId = typeof scope === 'string' && scope.split(' ').includes('openid')
  return isOpenId && typeof nonce === 'string' && nonce.length >= leastNonce
}
