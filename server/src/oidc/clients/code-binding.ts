import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { leastNonce } from '@nauthera/rules/limits'

// What ties a code to the sign-in that asked for it, so that nobody can bring a stolen code into a session of their own: PKCE,
// or the nonce that a confidential client checks in the ID token (RFC 9700 section 2.1.1).

const pkce = 'code_challenge with code_challenge_method=S256 (PKCE)'

/** @param asked of a request without code_challenge
 *  @returns what the request must have besides; undefined when it is bound well enough for this client */
export function missingBinding(
  config: Pick<ClientConfig, 'pkceRequired' | 'pkceOrNonce'>,
  asked: { readonly scope: string | undefined; readonly nonce: string | undefined },
): string | undefined {
  if (!config.pkceRequired) return undefined
  if (!config.pkceOrNonce) return `send ${pkce}: this client must`
  const isOpenId = asked.scope?.split(' ').includes('openid') ?? false
  if (isOpenId && (asked.nonce ?? '').length >= leastNonce) return undefined
  return `send ${pkce}, or scope openid and a nonce of at least ${leastNonce} characters`
}
