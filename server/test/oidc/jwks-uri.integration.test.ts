import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { expect } from 'chai'
import { generateKeyPair, SignJWT } from 'jose'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { send } from '@nauthera/harness/browser'
import { configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

describe('a client whose keys cannot be fetched', () => {
  let replicas: ServerReplicas
  let broken: Server
  let connections = 0
  before(async () => {
    broken = createServer((socket) => (connections++, socket.destroy()))
    const port = await listenOnLoopback(broken)
    replicas = await startReplicas()
    const jwksUri = `https://localhost:${port}/jwks`
    const machine = { ...configs.machine, tokenEndpointAuthMethod: 'private_key_jwt', jwksUri }
    await replicas.serve([entry('app.one', machine), entry('app.two', machine)])
  })
  after(async () => {
    await replicas?.stop()
    broken.close()
  })

  it('its address is asked once a minute, whatever number of requests and clients want the keys', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    for (let turn = 0; turn < 20; turn++) {
      const clientId = turn % 2 === 0 ? 'app.one' : 'app.two'
      const assertion = await new SignJWT({ jti: String(turn) })
        .setProtectedHeader({ alg: 'ES256', kid: `key-${turn}` })
        .setIssuer(clientId)
        .setSubject(clientId)
        .setAudience(replicas.issuer)
        .setExpirationTime('1m')
        .sign(privateKey)
      const answer = await send(replicas, {
        path: '/token',
        form: {
          grant_type: 'client_credentials',
          client_assertion: assertion,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        },
      })
      expect(answer.status, answer.body).to.equal(401)
    }
    expect(connections).to.equal(1)
  })
})
