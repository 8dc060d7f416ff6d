// Signs and verifies JWTs.
import { createPrivateKey, generateKeyPair, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import {
  calculateJwkThumbprint,
  compactVerify,
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  jwtVerify,
} from 'jose'
import type { JWK } from 'jose'
import { platformAlgorithms } from '@nauthera/rules/algorithms'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { isJwk } from './jwk.ts'
import { verifyPlain } from './plain-jwt.ts'
import type { PlainJwt } from './plain-jwt.ts'
import { Seen } from './seen.ts'

const makePair = promisify(generateKeyPair)

/** Makes a private key for one algorithm.
 *  @returns the JWK with `alg`, `use` and `kid` (RFC 7638 thumbprint) */
export async function mintSigningKey(algorithm: SigningAlgorithm): Promise<JWK & { kid: string }> {
  const { privateKey } = await mintPair(algorithm)
  const jwk = privateKey.export({ format: 'jwk' })
  return { ...jwk, alg: algorithm, use: 'sig', kid: await calculateJwkThumbprint(jwk) }
}

/** @returns the public part of a key */
export function publicPart(jwk: JWK): JWK {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, oth: _oth, k: _k, priv: _priv, ...open } = jwk
  return open
}

/** @returns whether a stored private JWK can be read back; a damaged one must not reach the library */
export function isPrivateJwk(jwk: Readonly<Record<string, unknown>>): jwk is JWK {
  try {
    createPrivateKey({ key: jwk, format: 'jwk' })
    return true
  } catch {
    return false
  }
}

function mintPair(algorithm: SigningAlgorithm): Promise<{ readonly privateKey: KeyObject }> {
  switch (algorithm) {
    case 'ES256':
      return makePair('ec', { namedCurve: 'P-256' })
    case 'RS256':
    case 'PS256':
      return makePair('rsa', { modulusLength: 2048 })
    case 'EdDSA':
      return makePair('ed25519', {})
  }
}

/** A new key for cookies and sealed values: 256 random bits, and an id of 8 hex (as in `nr_<id>_…`). */
export function mintCookieKey(): { id: string; secret: Buffer } {
  return { id: randomBytes(4).toString('hex'), secret: randomBytes(32) }
}

type PublicJwks = readonly Readonly<Record<string, unknown>>[]

interface KeySetOfJose {
  readonly keys: PublicJwks
  readonly find: ReturnType<typeof createLocalJWKSet>
}
const keySets = new WeakMap<object, KeySetOfJose>()

/** The same keys again are not parsed again, also in another array: each key that jose imports is one outside of the heap. */
function keySetOf(keys: PublicJwks): KeySetOfJose['find'] {
  const first = keys[0] ?? keys
  const known = keySets.get(first)
  if (known?.keys.length === keys.length && known.keys.every((key, at) => key === keys[at])) return known.find
  const find = createLocalJWKSet({ keys: keys.filter(isJwk) })
  keySets.set(first, { keys, find })
  return find
}

/** Verifies a JWT that this server signed.
 *  @param options.keys public; each says its algorithm
 *  @param options.type its `typ`
 *  @param options.clockTolerance seconds
 *  @returns the claims; undefined for anything that is not such a JWT. Never throws. */
export async function verifySigned(
  token: string,
  options: { keys: readonly JWK[]; issuer: string; type: string; clockTolerance: number; now: Date },
): Promise<Record<string, unknown> | undefined> {
  const { keys, issuer, type: typ, clockTolerance, now: currentDate } = options
  const plain = verifyOwn(token, keys)
  if (plain && isInOrder(plain, options)) return { ...plain.claims }
  try {
    const checks = { issuer, typ, clockTolerance, currentDate, requiredClaims }
    return (await jwtVerify(token, keySetOf(keys), checks)).payload
  } catch {
    return undefined
  }
}

const seen = new Seen<PlainJwt>()

function verifyOwn(token: string, keys: PublicJwks): PlainJwt | undefined {
  const before = seen.find(token)
  if (before !== undefined && keys.includes(before.key)) return before
  const plain = verifyPlain(token, keys)
  if (plain !== undefined) seen.record(token, plain)
  return plain
}

const requiredClaims = ['jti', 'exp', 'aud', 'client_id']

/** Whether nothing about a token of ours needs a closer look. */
function isInOrder(
  { header, claims }: PlainJwt,
  about: { issuer: string; type: string; clockTolerance: number; now: Date },
): boolean {
  const { exp, iat, nbf, iss } = claims
  if (header['typ'] !== about.type || iss !== about.issuer || nbf !== undefined) return false
  if (typeof exp !== 'number' || typeof iat !== 'number') return false
  const isLive = exp > Math.floor(about.now.getTime() / 1000) - about.clockTolerance
  return isLive && requiredClaims.every((claim) => Object.hasOwn(claims, claim))
}

/** @returns the `kid` in the header of a token, which nobody has verified; undefined where there is none */
export function keyIdOf(token: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(token)
    return typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined
  }
}

/** What a token may say that proves a program: nothing, or nothing more than that it is a JWT (RFC 8725 section 3.11). Whatever else an issuer signs, such as
 *  an access token or an attestation, is for something else. */
const provingTypes: ReadonlySet<unknown> = new Set([undefined, 'jwt', 'jose', 'client-authentication+jwt'])

/** RFC 7515 section 4.1.9: `application/` may be left out. */
const isProving = (typ: unknown): boolean =>
  provingTypes.has(typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ)

/** Looks at the signature of a JWT that another issuer made, and at what kind it says that it is.
 *  @param keys public JWKs of that issuer, at least one
 *  @returns the claims; or why the signature says nothing. Never throws. */
export async function verifyForeign(
  token: string,
  keys: PublicJwks,
): Promise<Record<string, unknown> | 'unknown-key' | 'bad-signature' | 'malformed'> {
  try {
    const plain = verifyPlain(token, keys)
    if (plain) return isProving(plain.header['typ']) ? { ...plain.claims } : 'malformed'
    const { payload, protectedHeader } = await compactVerify(token, keySetOf(keys), {
      algorithms: [...platformAlgorithms],
    })
    // such a payload would be read in another form than the one that was signed
    if (protectedHeader.b64 !== undefined || !isProving(protectedHeader.typ)) return 'malformed'
    const claims: unknown = JSON.parse(Buffer.from(payload).toString('utf8'))
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? { ...claims } : 'malformed'
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'unknown-key'
    // without a kid, and several keys that could have signed it
    if (error instanceof errors.JWKSMultipleMatchingKeys) return 'unknown-key'
    return error instanceof errors.JWSSignatureVerificationFailed ? 'bad-signature' : 'malformed'
  }
}
