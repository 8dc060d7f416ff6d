// Seals a small text to public keys of people, as a JWE (RFC 7516): each of their private keys opens it.
import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { GeneralEncrypt, generalDecrypt } from 'jose'
import type { GeneralJWE as GeneralSealed } from 'jose'
export type { GeneralSealed }
import { CodedError } from '@nauthera/runtime/coded-error'
import { hasShape, isJsonRecord, listOf } from '@nauthera/runtime/json'
import { weakKeyFault } from '@nauthera/rules/weak-keys'

const pem = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g

/** @param text one or more certificates or public keys (PEM): RSA of 2048 bits or more, P-256, P-384, P-521, X25519
 *  @throws CodedError RECIPIENT_KEY_INVALID */
export function parseRecipients(text: string): KeyObject[] {
  const blocks = [...text.matchAll(pem)]
  if (blocks.length === 0) throw invalid('there is no certificate and no public key in PEM form')
  return blocks.map(([block, label]) => {
    if (label!.includes('PRIVATE'))
      throw invalid('it is a private key: give the public key or the certificate, and keep the private one elsewhere')
    const key = publicKeyOf(block, label!)
    algorithmFor(key)
    return key
  })
}

function publicKeyOf(block: string, label: string): KeyObject {
  try {
    return label === 'CERTIFICATE' ? new X509Certificate(block).publicKey : createPublicKey(block)
  } catch (cause) {
    throw invalid('it cannot be read as a certificate or a public key', cause)
  }
}

/** @param text a private key (PEM), not encrypted
 *  @throws CodedError RECIPIENT_KEY_INVALID; nothing of the key is in it */
export function parseRecipientKey(text: string): KeyObject {
  if (/ENCRYPTED/.test(text)) throw invalid('the private key has a passphrase: take it off with "openssl pkey"')
  try {
    const key = createPrivateKey(text)
    algorithmFor(key)
    return key
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    // its text may be that of the key
    throw invalid('it is no private key in PEM form')
  }
}

const sealedShape = {
  required: { protected: 'string', iv: 'string', ciphertext: 'string', tag: 'string' },
} as const
const isSealed = (value: unknown): value is GeneralSealed =>
  hasShape(value, sealedShape) && 'recipients' in value && listOf(value.recipients).every(isJsonRecord)

export async function sealTo(recipients: readonly KeyObject[], plain: Uint8Array): Promise<GeneralSealed> {
  const jwe = new GeneralEncrypt(plain).setProtectedHeader({ enc: 'A256GCM' })
  for (const key of recipients) jwe.addRecipient(key).setUnprotectedHeader({ alg: algorithmFor(key) })
  return jwe.encrypt()
}

/** @throws CodedError RECIPIENT_KEY_INVALID when the key is of no recipient */
export async function openSealed(sealed: unknown, key: KeyObject): Promise<Uint8Array> {
  if (!isSealed(sealed)) throw invalid('the keys in the backup are damaged')
  try {
    return (await generalDecrypt(sealed, key)).plaintext
  } catch (cause) {
    throw invalid('the backup was not made for this key', cause)
  }
}

function algorithmFor(key: KeyObject): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  const weak = weakKeyFault(key)
  if (weak !== undefined) throw invalid(`it ${weak}`)
  if (type === 'rsa') return 'RSA-OAEP-256'
  if (type === 'x25519') return 'ECDH-ES+A256KW'
  if (type === 'ec' && ['prime256v1', 'secp384r1', 'secp521r1'].includes(details?.namedCurve ?? ''))
    return 'ECDH-ES+A256KW'
  throw invalid('it must be RSA of 2048 bits or more, P-256, P-384, P-521 or X25519')
}

const invalid = (message: string, cause?: unknown) =>
  new CodedError('RECIPIENT_KEY_INVALID', { message, ...(cause === undefined ? {} : { cause }) })
