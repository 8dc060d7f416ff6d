// Further checks of a client's JWTs under FAPI 2.0 (Security Profile, Message Signing).
import { fieldsOf, parseJsonRecord } from '@nauthera/runtime/json'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { fapiAlgorithms } from '@nauthera/rules/algorithms'
import { isSoundKey } from '@nauthera/rules/jwks'
import type { ClientJwt } from './client-jwts.ts'

export const isFapiClient = ({ profile }: Pick<ClientConfig, 'profile'>): boolean => profile === 'FAPI2'

/** EdDSA has two names. */
const algorithms: readonly unknown[] = [...fapiAlgorithms, 'Ed25519']

const algorithmFault = (alg: unknown, what: string): string | undefined =>
  algorithms.includes(alg) ? undefined : `${what} is signed with ${fapiAlgorithms.join(', ')} under FAPI 2.0`

/** @returns the fault of a client assertion; Security Profile sections 5.3.2.1 and 5.4.1 */
export function fapiAssertionFault({ claims, header }: Omit<ClientJwt, 'now'>, issuer: string): string | undefined {
  if (claims['aud'] !== issuer) return `aud must be only the issuer, as a string, under FAPI 2.0: ${issuer}`
  return algorithmFault(header['alg'], 'a client assertion')
}

/** Seconds; Message Signing section 5.3.1. */
const longestRequest = 3600

/** @returns the fault of a request object; Message Signing section 5.3.1 */
export function fapiRequestFault({ claims, header, now }: ClientJwt, issuer: string): string | undefined {
  const { aud, nbf, exp } = claims
  if (![aud].flat().includes(issuer)) return `aud must be or hold the issuer under FAPI 2.0: ${issuer}`
  if (typeof nbf !== 'number' || typeof exp !== 'number') return 'a request object has nbf and exp under FAPI 2.0'
  if (nbf < now / 1000 - longestRequest) return 'nbf is more than an hour ago'
  if (exp - nbf > longestRequest) return 'exp is more than an hour after nbf'
  return algorithmFault(header['alg'], 'a request object')
}

/** @param proof the header DPoP of the request; empty when there is none
 *  @returns its fault: with a weak key anybody can make such a proof; FAPI 2.0 forbids RS256 (section 5.4.1) */
export function proofFault(proof: string, { isFapi }: { readonly isFapi: boolean }): string | undefined {
  if (proof === '') return undefined
  // the library says what is wrong with one that is no JWT
  const header = parseJsonRecord(Buffer.from(proof.split('.')[0]!, 'base64url').toString())
  const { alg, jwk } = fieldsOf(header)
  if (fieldsOf(jwk)['kty'] === 'RSA' && !isSoundKey(jwk))
    return 'the RSA key of a DPoP proof is too weak, or cannot be read'
  return header && isFapi ? algorithmFault(alg, 'a DPoP proof') : undefined
}
