// Public keys as OpenSSL has them: one for each JSON Web Key, because it takes kilobytes outside of the heap, and time to read.
import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const read = new WeakMap<object, KeyObject>()

/** @param jwk that does not change: the same object is not read again
 *  @throws Error for one that OpenSSL cannot read */
export function publicKeyOfJwk(jwk: object): KeyObject {
  const known = read.get(jwk)
  if (known !== undefined) return known
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  read.set(jwk, key)
  return key
}
