// Signs many JWTs with one key, which is read once.
import { createPrivateKey, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { rawFromDer } from './ecdsa-signature.ts'

export interface JwtSigner {
  readonly algorithm: string
  sign(claims: object): string
}

/** @param keys of a key set: the active ones may sign
 *  @param type the `typ` of the JWTs
 *  @returns undefined where this process has no such key */
export function createJwtSigner(keys: readonly JWK[], type: string): JwtSigner | undefined {
  const jwk = keys.find(({ alg, key_ops: uses }) => alg === algorithm && (uses === undefined || uses.includes('sign')))
  if (jwk === undefined) return undefined
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  const header = `${encode({ alg: algorithm, typ: type, kid: jwk.kid })}.`
  return {
    algorithm,
    sign(claims) {
      const signed = header + encode(claims)
      return `${signed}.${signEs256(Buffer.from(signed), key).toString('base64url')}`
    },
  }
}

const algorithm = 'ES256'

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** @returns a signature as JWTs have it */
export const signEs256 = (data: Uint8Array, key: KeyObject): Buffer => rawFromDer(sign('sha256', data, key))
