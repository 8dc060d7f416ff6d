import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { basic, send } from '@nauthera/harness/browser'
import { clientSecret } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['ReplayDetection.unique'],
  holds: {
    'replayOnce: a DPoP proof works once': async (replicas) => {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      const proof = await new SignJWT({ htm: 'POST', htu: `${replicas.issuer}/token`, jti: randomUUID() })
        .setIssuedAt()
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
        .sign(privateKey)
      const ask = () =>
        send(replicas, {
          path: '/token',
          form: { grant_type: 'client_credentials' },
          headers: { ...basic('app.machine', clientSecret), dpop: proof },
        })
      expect((await ask()).status).to.equal(200)
      const again = await ask()
      expect([again.status, again.json()['error']]).to.deep.equal([400, 'invalid_dpop_proof'])
    },
  },
}
