// Reads issuer and keys of the cluster's ServiceAccount tokens.
import { isSoundKey } from '@nauthera/rules/jwks'
import { fieldsOf } from '@nauthera/runtime/json'
import type { KubeConnection } from './connection.ts'

/** Issuer and keys of the cluster's ServiceAccount tokens. */
export interface ClusterIssuer {
  readonly issuer: string
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}

/** Reads discovery and keys at the API server itself: its discovery document may name another host.
 *  @throws ApiError; Error when the answer is unusable */
export async function readClusterIssuer(connection: Pick<KubeConnection, 'call'>): Promise<ClusterIssuer> {
  const [discovery, set] = await Promise.all([
    connection.call<unknown>({ method: 'GET', path: '/.well-known/openid-configuration' }),
    connection.call<unknown>({ method: 'GET', path: '/openid/v1/jwks', accept: 'application/jwk-set+json' }),
  ])
  const { issuer } = fieldsOf(discovery)
  const { keys } = fieldsOf(set)
  if (typeof issuer !== 'string' || issuer === '') throw new Error('the discovery document names no issuer')
  if (!Array.isArray(keys)) throw new Error('/openid/v1/jwks is no JWK set')
  const usable = keys.filter(isSoundKey)
  if (usable.length === 0) throw new Error('/openid/v1/jwks has no key that can verify a signature')
  return { issuer, keys: usable }
}
