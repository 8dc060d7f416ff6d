// Encrypts a signed JWT to a public key.
import { CompactEncrypt } from 'jose'
import { publicKeyOfJwk } from './public-key.ts'

/** @param key the public JWK of who may read it, good for `alg`; it does not change
 *  @param jwt what was signed for them
 *  @returns a nested JWT (RFC 7519 section 5.2) */
export async function encryptTo(
  key: object & { readonly kid?: unknown },
  jwt: string,
  { alg, enc }: { readonly alg: string; readonly enc: string },
): Promise<string> {
  const { kid } = key
  const header = { alg, enc, cty: 'JWT', ...(typeof kid === 'string' ? { kid } : {}) }
  return new CompactEncrypt(Buffer.from(jwt)).setProtectedHeader(header).encrypt(publicKeyOfJwk(key))
}
