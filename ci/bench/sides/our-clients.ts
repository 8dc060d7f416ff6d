// The clients of the bench, one for each kind of row.
import { generateKeyPairSync } from 'node:crypto'
import { clientSecret, configs, entry, redirectUri } from '@nauthera/harness/server'
import { password } from '@nauthera/harness/browser'
import { signJwt } from '../load/flows.ts'
import type { PushedServer } from './pushed-server.ts'

export { clientSecret as secret, password, redirectUri }

const api = 'https://api.example.com'
const clusterIssuer = 'https://kubernetes.default.svc.cluster.local'
const account = { namespace: 'default', name: 'platform' }
const es256 = { ...configs.web, idTokenSignedResponseAlg: 'ES256' }

/** @param jwk of the client that signs its assertions */
export const benchClients = (jwk: Record<string, unknown>) => [
  entry('bench.machine', configs.machine),
  entry('bench.signing', {
    ...configs.machine,
    tokenEndpointAuthMethod: 'private_key_jwt',
    jwks: { keys: [jwk] } as never,
  }),
  entry('bench.platform', {
    ...configs.machine,
    tokenEndpointAuthMethod: 'federated_jwt',
    identities: [{ serviceAccount: account }],
  }),
  entry('bench.web', es256),
  entry('bench.web-rs256', { ...configs.web, idTokenSignedResponseAlg: 'RS256' }),
  entry('bench.web-api', { ...es256, audiences: [api] }),
]

/** Clients that only fill the registry.
 *  @param title a new one makes another version of each
 *  @param generation rises with it */
export const fillClients = (count: number, title = 'Client', generation = 1n) =>
  Array.from({ length: count }, (_, index) =>
    entry(`bench.client-${index}`, { ...configs.machine, clientName: `${title} ${index}`, generation }),
  )

/** Pushes the key of a cluster. @returns gives the token of a ServiceAccount, as a kubelet projects it: the same one for minutes */
export async function addPlatform(server: PushedServer): Promise<() => string> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'cluster-1', alg: 'RS256', use: 'sig' }
  await server.pushPlatformKeys({ issuer: clusterIssuer, keys: [{ jwk }], change: 'be9c' })
  let token = { text: '', renewAt: 0 }
  return () => {
    const now = Math.floor(Date.now() / 1000)
    if (now >= token.renewAt) token = { text: sign(now), renewAt: now + 1800 }
    return token.text
  }

  function sign(now: number): string {
    const { namespace, name } = account
    const claims = {
      iss: clusterIssuer,
      aud: [server.issuer],
      sub: `system:serviceaccount:${namespace}:${name}`,
      iat: now,
      nbf: now,
      exp: now + 3600,
      jti: 'one-for-each-file',
      'kubernetes.io': {
        namespace,
        serviceaccount: { name, uid: 'uid-of-account' },
        pod: { name: `${name}-0`, uid: 'uid-of-pod' },
        node: { name: 'node', uid: 'uid-of-node' },
      },
    }
    return signJwt({ alg: 'RS256', kid: 'cluster-1' }, claims, privateKey)
  }
}
