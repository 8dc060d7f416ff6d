import { annotations, manifestSecretName } from '@nauthera/proto/names'
import type { JWTPayload } from 'jose'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { release, releaseNamespace } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { fetchVerifiedToken, parseCredentials, requestTokenWith } from '@nauthera/local/product/token'
import { isReady, statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { demo } from './demo.ts'

export interface ClientProof {
  /** First 8 hex of the digest of the set of clients. */
  readonly revision: string
  /** How many replicas gave a token that verifies. */
  readonly replicas: number
  readonly claims: JWTPayload
}

/** Waits until the machine client is live everywhere, then asks every replica for a token with its Secret. */
export async function prove(stack: Stack): Promise<ClientProof> {
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
  await proveSecretless(stack)
  const manifest = api.store.get(api.resource('secrets'), releaseNamespace, manifestSecretName(release))
  const digest = manifest.metadata.annotations?.[annotations.contentDigest] ?? ''
  return {
    revision: digest.slice(0, 8) || (statusOf(client).revision ?? ''),
    replicas: tokens.length,
    claims: tokens[0]!,
  }
}

/** The client without a secret: every replica takes the token that a kubelet would give its pod. */
async function proveSecretless({ api, issuer, pods }: Stack): Promise<void> {
  const { namespace, secretless: name } = demo
  await waitForObject(api, 'oidcclients', { namespace, name }, isReady, 30_000)
  const token = await platformTokenOf(api, issuer)
  for (const { port } of pods) {
    const answer = await requestTokenWith(port, `${issuer}/token`, token)
    if (answer.status !== 200)
      throw new Error(`${name}: /token of port ${port} answered ${answer.status}: ${answer.body}`)
  }
}

async function platformTokenOf(api: Stack['api'], issuer: string): Promise<string> {
  const { namespace, secretless: name } = demo
  api.set({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name: `${name}-0` } })
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: `${name}-0` }
  const { status, body } = await createKubeClient(api.adminConfig).call<{ status?: { token?: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    { body: { spec: { audiences: [issuer], expirationSeconds: 600, boundObjectRef } } },
  )
  const token = body.status?.token
  if (token === undefined) throw new Error(`no token of ServiceAccount ${namespace}/${name}: ${status}`)
  return token
}
