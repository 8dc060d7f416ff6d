import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { send } from '@nauthera/harness/browser'
import { configs, entry, redirectUri } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { startDocumentHost } from '../../document-host.ts'
import { clients } from './clients.ts'
import type { Contract } from './contract.ts'

const clientId = 'app.published'

async function makeKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } }
}
type Key = Awaited<ReturnType<typeof makeKey>>

const sign = ({ kid, privateKey }: Key, claims: object) =>
  new SignJWT({ ...claims, iss: clientId, jti: randomUUID(), exp: Math.floor(Date.now() / 1000) + 60 })
    .setProtectedHeader({ alg: 'ES256', kid })
    .sign(privateKey)

/** @returns the status of a token, and that of a signed request of a client that is proved by `own` */
async function statuses(replicas: ServerReplicas, own: Key, signer: Key): Promise<readonly number[]> {
  const proof = async (key: Key) => ({
    client_assertion: await sign(key, { sub: clientId, aud: replicas.issuer }),
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  })
  const about = { client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'openid' }
  const binding = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }
  const request = await sign(signer, { aud: replicas.issuer, ...about, ...binding })
  const token = { grant_type: 'client_credentials', ...(await proof(signer)) }
  return [
    (await send(replicas, { path: '/token', form: token })).status,
    (await send(replicas, { path: '/request', form: { request, ...(await proof(own)) } })).status,
  ]
}

export const contract: Contract = {
  replaces: ['Client.find'],
  holds: {
    'readKeysFirst: a key that its owner withdrew an hour ago proves no client and signs no request': async (
      replicas,
    ) => {
      const [kept, stolen] = [await makeKey('kept'), await makeKey('stolen')]
      const host = await startDocumentHost()
      const clock = Date.now
      try {
        host.at('/jwks', { keys: [kept.jwk, stolen.jwk] })
        await replicas.serve([
          ...clients,
          entry(clientId, {
            ...configs.web,
            grantTypes: [...configs.web.grantTypes, 'client_credentials'],
            tokenEndpointAuthMethod: 'private_key_jwt',
            jwksUri: `${host.origin}/jwks`,
          }),
        ])
        expect(await statuses(replicas, kept, stolen)).to.deep.equal([200, 201])
        host.at('/jwks', { keys: [kept.jwk] })
        Date.now = () => clock() + 3_601_000
        expect(await statuses(replicas, kept, stolen)).to.deep.equal([401, 400])
        expect(await statuses(replicas, kept, kept)).to.deep.equal([200, 201])
      } finally {
        Date.now = clock
        await host.stop()
        await replicas.serve(clients)
      }
    },
  },
}
