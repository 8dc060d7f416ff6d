// Which answers are encrypted to a key of the client.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { contentEncryptions, keyEncryptions } from './algorithms.ts'
import type { KeyEncryption } from './algorithms.ts'
import { invalid } from './client-fault.ts'
import type { ClientFault } from './client-fault.ts'
import { isForEncryption, jwksFaults, keyForEncryption } from './jwks.ts'

/** How answers of userinfo are encrypted. */
export interface UserinfoEncryption {
  readonly alg: KeyEncryption
  readonly enc: (typeof contentEncryptions)[number]
}

/** @returns undefined for a client that gets them plain, and for words that nobody knows */
export function userinfoEncryption(config: ClientConfig): UserinfoEncryption | undefined {
  const alg = keyEncryptions.find((known) => known === config.userinfoEncryptedResponseAlg)
  const enc = contentEncryptions.find((known) => known === config.userinfoEncryptedResponseEnc)
  return alg && enc && { alg, enc }
}

export function encryptionFaults(config: ClientConfig): readonly ClientFault[] {
  const { userinfoEncryptedResponseAlg: alg, userinfoEncryptedResponseEnc: enc, jwks, jwksUri } = config
  if (alg === '' && enc === '') return []
  const known = userinfoEncryption(config)
  if (known === undefined)
    return [
      invalid(
        'encryption.userinfo',
        `must have alg among ${keyEncryptions.join(', ')} and enc among ${contentEncryptions.join(', ')}`,
      ),
    ]
  if (jwks === undefined && jwksUri === '') return [invalid('encryption.userinfo', noKeys)]
  const keys = jwks?.['keys']
  if (!Array.isArray(keys) || jwksFaults(jwks).length > 0) return []
  if (keys.some((key: unknown) => isForEncryption(key, known.alg))) return []
  return [invalid('auth.jwks', `must have a key to encrypt to with ${known.alg}: ${keyForEncryption(known.alg)}`)]
}

export const noKeys = 'must have auth.jwksURI or auth.jwks as well: the keys that it is encrypted to'
