import { annotations, manifestSecretName } from '@nauthera/proto/names'
import type { JWTPayload } from 'jose'
import { release, releaseNamespace } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { fetchVerifiedToken, parseCredentials } from '@nauthera/local/product/token'
import { isReady, statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { demo } from './demo.ts'

export interface Proof {
  /** First 8 hex of the digest of the set of clients. */
  readonly revision: string
  /** How many replicas gave a token that verifies. */
  readonly replicas: number
  readonly claims: JWTPayload
}

/** Waits until the machine client is live everywhere, then asks every replica for a token with its Secret. */
export async function prove(stack: Stack): Promise<Proof> {
  const { api, issuer, pods } = stack
  const client = await waitForObject(
    api,
    'oidcclients',
    { namespace: demo.namespace, name: demo.machine },
    isReady,
    30_000,
  )
  await waitForObject(api, 'oidcclients', { namespace: demo.namespace, name: demo.web }, isReady, 30_000)
  const secret = api.store.get(api.resource('secrets'), demo.namespace, `${demo.machine}-oidc`)
  const credentials = parseCredentials(secret['data'] as Record<string, string>)
  const tokens = await Promise.all(pods.map(({ port }) => fetchVerifiedToken({ port, issuer, credentials })))
  const manifest = api.store.get(api.resource('secrets'), releaseNamespace, manifestSecretName(release))
  const digest = manifest.metadata.annotations?.[annotations.contentDigest] ?? ''
  return {
    revision: digest.slice(0, 8) || (statusOf(client).revision ?? ''),
    replicas: tokens.length,
    claims: tokens[0]!,
  }
}
