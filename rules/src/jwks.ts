// Checks the inline JWKS of a client, so that a key that can never verify a signature is a fault at once.
import type { KeyEncryption, clientAlgorithms } from './algorithms.ts'
import { createHash, X509Certificate, createPublicKey } from 'node:crypto'
import { weakKeyFault } from './weak-keys.ts'

type ClientAlgorithm = (typeof clientAlgorithms)[number]

interface Kind {
  /** Members that make the public key. */
  readonly needs: readonly string[]
  readonly privateMembers: readonly string[]
  /** Curves that are known, by `crv`. */
  readonly curves?: readonly string[]
}

/** By `kty`. Source: RFC 7518 section 6, RFC 8037 section 2; AKP is that of ML-DSA. */
const kinds: Readonly<Record<string, Kind>> = {
  EC: { needs: ['x', 'y'], privateMembers: ['d'], curves: ['P-256', 'P-384', 'P-521'] },
  OKP: { needs: ['x'], privateMembers: ['d'], curves: ['Ed25519', 'X25519'] },
  AKP: { needs: ['alg', 'pub'], privateMembers: ['priv'] },
  RSA: { needs: ['n', 'e'], privateMembers: ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth'] },
}

/** @returns what is wrong, with the place of each key. A key of a kind that nobody here knows is no fault: it is left alone
 *  (RFC 7517 section 5). No message holds a value. */
export function jwksFaults(jwks: unknown): readonly string[] {
  const keys: unknown = isObject(jwks) ? jwks['keys'] : undefined
  if (!Array.isArray(keys)) return ['must be a JWK set: an object whose keys is a list']
  return keys.flatMap((key: unknown, index) => {
    const fault = isObject(key) ? keyFault(key) : 'must be an object'
    return fault === undefined ? [] : [`keys[${index}] ${fault}`]
  })
}

/** @param key of a set that somebody else wrote */
export const isSoundKey = (key: unknown): key is Readonly<Record<string, unknown>> =>
  isObject(key) && keyFault(key) === undefined

/** The accepted signature algorithms of each kind of key and curve (algorithms.ts, clientAlgorithms). */
const signsWith: Readonly<Record<string, readonly ClientAlgorithm[]>> = {
  'EC P-256': ['ES256'],
  'OKP Ed25519': ['EdDSA', 'Ed25519'],
  RSA: ['RS256', 'PS256'],
}

/** The same, in the words of a message. */
export const usableKeys =
  'EC with P-256 (ES256), RSA (RS256, PS256) or OKP with Ed25519 (EdDSA), not only for encryption'

/** @param jwks without faults
 *  @returns whether a signature of one of its keys can ever be right: the key is for signatures, and of an algorithm that servers take */
export function canVerify(jwks: unknown): boolean {
  const keys: unknown = isObject(jwks) ? jwks['keys'] : undefined
  return Array.isArray(keys) && keys.some((key: unknown) => isObject(key) && verifies(key))
}

/** @returns whether a key comes with a certificate, by which a client of self_signed_tls_client_auth is known (RFC 8705 section 2.2.2) */
export function hasCertificate(jwks: unknown): boolean {
  const keys: unknown = isObject(jwks) ? jwks['keys'] : undefined
  return Array.isArray(keys) && keys.some((key: unknown) => isObject(key) && isCertificate(key['x5c']))
}

const ofAgreement = ['EC P-256', 'EC P-384', 'EC P-521', 'OKP X25519']

/** Kinds of keys, and curves, that each algorithm encrypts to. Source: RFC 7518 sections 4.3 and 4.6, RFC 8037 section 3.2. */
const encryptedTo: Readonly<Record<KeyEncryption, readonly string[]>> = {
  'RSA-OAEP-256': ['RSA'],
  'ECDH-ES': ofAgreement,
  'ECDH-ES+A256KW': ofAgreement,
}

/** @returns whether a key is one to encrypt to. It must say so itself: a key without `use` may be one that its owner cannot decrypt
 *  with (OpenID Connect Core 10.2 asks for `use` where a set has both kinds) */
export function isForEncryption(key: unknown, algorithm: KeyEncryption): boolean {
  if (!isObject(key)) return false
  const { kty, crv, alg, use } = key
  const kind = [kty, crv].filter(isText).join(' ')
  return use === 'enc' && (alg === undefined || alg === algorithm) && encryptedTo[algorithm].includes(kind)
}

/** The keys that can be encrypted to, in the words of a message. */
export const keyForEncryption = (algorithm: KeyEncryption): string =>
  `use enc, and ${algorithm === 'RSA-OAEP-256' ? 'RSA' : 'EC or OKP with X25519'}`

function isCertificate(x5c: unknown): boolean {
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined
  if (!isText(first)) return false
  try {
    new X509Certificate(Buffer.from(first, 'base64'))
    return true
  } catch {
    return false
  }
}

function verifies({ kty, crv, alg, use, key_ops: operations }: Readonly<Record<string, unknown>>): boolean {
  const kind = [kty, crv].filter(isText).join(' ')
  const algorithms: readonly unknown[] = signsWith[kind] ?? []
  const isForIt = use === undefined || use === 'sig'
  const mayVerify = !Array.isArray(operations) || operations.includes('verify')
  return isForIt && mayVerify && (alg === undefined ? algorithms.length > 0 : algorithms.includes(alg))
}

function keyFault(key: Readonly<Record<string, unknown>>): string | undefined {
  const { kty } = key
  if (!isText(kty)) return 'must have kty, such as EC'
  if (kty === 'oct') return 'must be a public key, not a shared secret'
  const known = Object.hasOwn(kinds, kty) ? kinds[kty] : undefined
  if (!known) return undefined
  if (known.curves) {
    if (!isText(key['crv'])) return `must have crv, such as ${known.curves[0]}`
    if (!known.curves.includes(key['crv'])) return undefined
  }
  const lacking = known.needs.filter((member) => !isText(key[member]))
  if (lacking.length > 0) return `must have ${lacking.join(' and ')}`
  const ofPrivate = known.privateMembers.filter((member) => key[member] !== undefined)
  if (ofPrivate.length > 0)
    return `must not have ${ofPrivate.join(', ')}: this is a private key; give the public one, and make a new pair`
  const odd = ['alg', 'kid', 'use'].find((member) => key[member] !== undefined && !isText(key[member]))
  if (odd !== undefined) return `must have text in ${odd}`
  const { x5c } = key
  if (x5c !== undefined && !(Array.isArray(x5c) && x5c.every(isText))) return 'must have a list of texts in x5c'
  return materialFault(key)
}

function materialFault(key: Readonly<Record<string, unknown>>): string | undefined {
  try {
    return weakKeyFault(createPublicKey({ key, format: 'jwk' }))
  } catch {
    return 'must be a valid key: its members do not fit together'
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @returns what an API server calls the key in its JWK set (kid): SHA-256 of the key itself, so nobody can choose it */
export const keyIdOf = (jwk: Readonly<Record<string, unknown>>): string =>
  createHash('sha256')
    .update(Buffer.from(keyTextOf(jwk), 'base64'))
    .digest('base64url')

/** @returns the same for one public key in whatever form it is written */
export function keyTextOf(jwk: Readonly<Record<string, unknown>>): string {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' })
      .export({ type: 'spki', format: 'der' })
      .toString('base64')
  } catch {
    // of a kind that nobody here knows: it verifies nothing
    return JSON.stringify(jwk)
  }
}
