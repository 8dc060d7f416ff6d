// Verifies a JWT of the common form quickly. It only confirms valid ones; everything else goes to jose, which finds the reason (jwt.ts).
import { verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { parseJsonRecord } from '@nauthera/runtime/json'
import { weakKeyFault } from '@nauthera/rules/weak-keys'
import { derFromRaw } from './ecdsa-signature.ts'
import { publicKeyOfJwk } from './public-key.ts'

type Jwk = Readonly<Record<string, unknown>>

export interface PlainJwt {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** That of the list, which verified it. */
  readonly key: Jwk
}

const shape = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/
const members: ReadonlySet<string> = new Set(['alg', 'kid', 'typ'])
const kinds: ReadonlyMap<string, Jwk> = new Map<string, Jwk>([
  ['ES256', { kty: 'EC', crv: 'P-256' }],
  ['RS256', { kty: 'RSA' }],
])

/** @param keys public
 *  @returns what it says, when its header names one key and its signature is right by that; undefined says nothing about it */
export function verifyPlain(token: string, keys: readonly Jwk[]): PlainJwt | undefined {
  const parts = shape.exec(token)
  const header = parts && readObject(parts[1]!)
  if (!header || !Object.keys(header).every((name) => members.has(name))) return undefined
  const jwk = jwkFor(header, keys)
  const key = jwk && readKey(jwk)
  const signature = Buffer.from(parts[3]!, 'base64url')
  // the last character has bits that say nothing: a second way to write it is not plain
  if (jwk === undefined || key === undefined || signature.toString('base64url') !== parts[3]) return undefined
  const signed = key.asymmetricKeyType === 'ec' ? derFromRaw(signature) : signature
  const text = Buffer.from(token.slice(0, token.lastIndexOf('.')))
  if (signed === undefined || !verify('sha256', text, key, signed)) return undefined
  const claims = readObject(parts[2]!)
  return claims && { header, claims, key: jwk }
}

const readObject = (encoded: string) => parseJsonRecord(Buffer.from(encoded, 'base64url').toString())

/** @returns the only key of that name, when it is of the common form and made for this */
function jwkFor({ alg, kid, typ }: Jwk, keys: readonly Jwk[]): Jwk | undefined {
  const kind = typeof alg === 'string' ? kinds.get(alg) : undefined
  if (kind === undefined || typeof kid !== 'string' || (typ !== undefined && typeof typ !== 'string')) return undefined
  const [jwk, ...others] = keys.filter((key) => key['kid'] === kid)
  if (jwk === undefined || others.length > 0 || !Object.entries(kind).every(([name, value]) => jwk[name] === value))
    return undefined
  const isFor = (name: string, value: string) => jwk[name] === undefined || jwk[name] === value
  if (!isFor('alg', String(alg)) || !isFor('use', 'sig')) return undefined
  return ['key_ops', 'ext', 'd'].some((name) => jwk[name] !== undefined) ? undefined : jwk
}

function readKey(jwk: Jwk): KeyObject | undefined {
  try {
    const key = publicKeyOfJwk(jwk)
    return weakKeyFault(key) === undefined ? key : undefined
  } catch {
    return undefined
  }
}
