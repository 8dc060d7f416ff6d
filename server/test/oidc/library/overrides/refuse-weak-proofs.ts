import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { send } from '@nauthera/harness/browser'
import { bankKey } from './clients.ts'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['ReplayDetection.unique'],
  holds: {
    'refuseWeakProofs: a client of FAPI 2.0 shows no proof that is signed with RS256': async (replicas) => {
      const { privateKey, publicKey } = await generateKeyPair('RS256')
      const now = Math.floor(Date.now() / 1000)
      const about = {
        iss: 'app.bank',
        sub: 'app.bank',
        aud: replicas.issuer,
        jti: randomUUID(),
        iat: now,
        exp: now + 60,
      }
      const assertion = await new SignJWT(about).setProtectedHeader({ alg: 'ES256' }).sign(bankKey.privateKey)
      const proof = await new SignJWT({ htm: 'POST', htu: `${replicas.issuer}/request`, jti: randomUUID(), iat: now })
        .setProtectedHeader({ alg: 'RS256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
        .sign(privateKey)
      const answer = await send(replicas, {
        path: '/request',
        headers: { dpop: proof },
        form: {
          client_assertion: assertion,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          response_type: 'code',
        },
      })
      expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_dpop_proof'])
    },
  },
}
