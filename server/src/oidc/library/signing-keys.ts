import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { ExternalSigningKey } from 'oidc-provider'
import { signEs256 } from '../keys/jwt-signer.ts'
import type { KeySet } from '../keys/key-set.ts'

type Key = KeySet['signing'][number]

/** The library's signing keys. P-256 signs on this thread: through WebCrypto the change of threads takes longer than the signature. RSA
 *  stays in WebCrypto. */
export const signingKeys = (keys: readonly Key[]): (Key | ExternalSigningKey)[] =>
  keys.map((jwk) => (jwk.alg === 'ES256' ? new PreparedKey(jwk) : jwk))

class PreparedKey extends ExternalSigningKey {
  readonly #jwk: Key
  readonly #private: KeyObject
  readonly #public: KeyObject

  constructor(jwk: Key) {
    super()
    this.#jwk = jwk
    this.#private = createPrivateKey({ key: { ...jwk }, format: 'jwk' })
    this.#public = createPublicKey(this.#private)
  }

  override get kid(): string | undefined {
    return this.#jwk.kid
  }

  override get alg(): string | undefined {
    return this.#jwk.alg
  }

  /** One that no longer signs still verifies. */
  override get key_ops(): string[] | undefined {
    return this.#jwk.key_ops
  }

  override keyObject(): KeyObject {
    return this.#public
  }

  override sign(data: Uint8Array): Uint8Array {
    return signEs256(data, this.#private)
  }
}
