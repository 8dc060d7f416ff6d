// Authenticates a client by its secret, in an allowed way.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { federatedMethod, secretWays } from '@nauthera/rules/client-authentication'
import type { SecretWay } from '@nauthera/rules/client-authentication'
import { endedId, matchVerifier } from '../../clients/verifiers.ts'
import type { OidcClient } from '../clients/oidc-client.ts'

export type SecretProof =
  | { readonly kind: 'proved'; readonly secret: { readonly secretId: string; readonly previous: boolean } }
  /** `ended`: the id of the ended secret, if it was one. */
  | { readonly kind: 'wrong'; readonly ended: string | undefined }
  /** The secret is right, but was sent in another way than these. */
  | { readonly kind: 'wrong-way'; readonly ways: readonly string[] }

/** @param monotonicNow milliseconds */
export function proveSecret(
  { config, verifiers, ended }: Pick<OidcClient, 'config' | 'verifiers' | 'ended'>,
  shown: { readonly secret: string; readonly way: SecretWay },
  monotonicNow: number,
): SecretProof {
  const secret = matchVerifier(shown.secret, verifiers, monotonicNow)
  if (secret === undefined) return { kind: 'wrong', ended: endedId(shown.secret, { verifiers, ended }) }
  const ways = waysOfClient(config)
  return ways.includes(shown.way) ? { kind: 'proved', secret } : { kind: 'wrong-way', ways }
}

/** @returns the ways in which the client may show its secret */
export function waysOfClient({
  secretMethods,
  tokenEndpointAuthMethod: method,
}: Pick<ClientConfig, 'secretMethods' | 'tokenEndpointAuthMethod'>): readonly string[] {
  // the former secret stays valid for the overlap, in either way
  if (method === federatedMethod) return secretWays
  return secretMethods.length > 0 ? secretMethods : [method]
}
