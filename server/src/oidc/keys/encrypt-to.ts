// Encrypts a signed JWT to a public key.
import { createPublicKey } from 'node:crypto'
import { CompactEncrypt } from 'jose'

/** @param key the public JWK of who may read it, good for `alg`
 *  @param jwt what was signed for them
 *  @returns a nested JWT (RFC 7519 section 5.2) */
export async function encryptTo(
  key: object & { readonly kid?: unknown },
  jwt: string,
  { alg, enc }: { readonly alg: string; readonly enc: string },
): Promise<string> {
  const { kid } = key
  const header = { alg, enc, cty: 'JWT', ...(typeof kid === 'string' ? { kid } : {}) }
  const publicKey = createPublicKey({ key, format: 'jwk' })
  return new CompactEncrypt(Buffer.from(jwt)).setProtectedHeader(header).encrypt(publicKey)
}
