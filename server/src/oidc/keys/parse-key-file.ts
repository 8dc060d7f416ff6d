import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import type { JWK } from 'jose'
import { isJsonRecord } from '@nauthera/runtime/json'
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import { weakKeyFault } from '@nauthera/rules/weak-keys'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'

/** A private key that signs: with `alg`, `kid` and nothing that is not part of the key. */
export type FileKey = JWK & { readonly kid: string; readonly alg: SigningAlgorithm }

const mostKeys = 32
const longestKid = 128

interface Kind {
  readonly kty: string
  readonly crv?: string
  readonly members: readonly string[]
}

const rsa: Kind = { kty: 'RSA', members: ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] }
const kinds: Readonly<Record<SigningAlgorithm, Kind>> = {
  ES256: { kty: 'EC', crv: 'P-256', members: ['crv', 'x', 'y', 'd'] },
  RS256: rsa,
  PS256: rsa,
  EdDSA: { kty: 'OKP', crv: 'Ed25519', members: ['crv', 'x', 'd'] },
}

/** Reads a JWK set of private keys (RFC 7517). The first key of an algorithm is the one that is to sign.
 *  @param algorithms each must have a key
 *  @returns the keys in their order; or every fault. No message holds a value of a key. */
export async function parseKeyFile(
  text: string,
  algorithms: readonly SigningAlgorithm[],
): Promise<{ readonly keys: readonly FileKey[] } | { readonly faults: readonly string[] }> {
  const listed = keysIn(text)
  if (typeof listed === 'string') return { faults: [listed] }
  const read = await Promise.all(listed.map((key, index) => readKey(key, index)))
  const keys = read.filter((one): one is FileKey => typeof one !== 'string')
  const faults = [
    ...read.filter((one): one is string => typeof one === 'string'),
    ...twins(keys),
    ...algorithms
      .filter((algorithm) => !listed.some((key) => isJsonRecord(key) && key['alg'] === algorithm))
      .map((algorithm) => `has no key with alg ${algorithm}; add one, or take ${algorithm} out of signing.algorithms`),
  ]
  return faults.length > 0 ? { faults } : { keys }
}

function keysIn(text: string): readonly unknown[] | string {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    return 'is not JSON'
  }
  const keys = isJsonRecord(set) ? set['keys'] : undefined
  if (!Array.isArray(keys)) return 'must be a JWK set: an object whose keys is a list'
  return keys.length > mostKeys ? `has ${keys.length} keys; at most ${mostKeys} are taken` : keys
}

async function readKey(key: unknown, index: number): Promise<FileKey | string> {
  const at = `keys[${index}]`
  if (!isJsonRecord(key)) return `${at} must be an object`
  const alg = signingAlgorithms.find((name) => name === key['alg'])
  if (alg === undefined) return `${at} must have alg, one of ${signingAlgorithms.join(', ')}`
  const { kty, crv, members } = kinds[alg]
  if (key['kty'] !== kty || (crv !== undefined && key['crv'] !== crv))
    return `${at} must be ${crv === undefined ? `of kty ${kty}` : `of kty ${kty} and crv ${crv}`} for ${alg}`
  if (key['use'] !== undefined && key['use'] !== 'sig') return `${at} must have use sig, or none`
  const lacking = members.filter((name) => typeof key[name] !== 'string' || key[name] === '')
  if (lacking.length > 0) return `${at} must be a private key; it has no ${lacking.join(', ')}`
  const own: JWK = { kty, ...Object.fromEntries(members.map((name) => [name, String(key[name])])) }
  const fault = materialFault(own)
  if (fault !== undefined) return `${at} ${fault}`
  const kid = key['kid'] ?? (await calculateJwkThumbprint(own))
  if (typeof kid !== 'string' || kid === '' || kid.length > longestKid)
    return `${at} must have a kid of 1 to ${longestKid} characters, or none`
  return { ...own, alg, use: 'sig', kid }
}

const probe = Buffer.from('nauthera')

/** Node takes members of two keys as one, so a signature is made and looked at. */
function materialFault(jwk: JWK): string | undefined {
  try {
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = jwk
    const key = createPrivateKey({ key: jwk, format: 'jwk' })
    const weak = weakKeyFault(key)
    if (weak !== undefined) return weak
    const digest = jwk.kty === 'OKP' ? null : 'sha256'
    const signature = sign(digest, probe, key)
    const isPair = verify(digest, probe, createPublicKey({ key: open, format: 'jwk' }), signature)
    return isPair ? undefined : 'has a private part that does not belong to its public one'
  } catch {
    return 'is no valid key: its members do not fit together'
  }
}

/** A kid is what applications keep a key by. */
function twins(keys: readonly FileKey[]): string[] {
  const seen = new Set<string>()
  return keys.flatMap(({ kid }) => {
    const isTwin = seen.has(kid)
    seen.add(kid)
    return isTwin ? [`has the kid ${kid} twice; give each key its own`] : []
  })
}
