import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { basic, send } from '@nauthera/harness/browser'
import { clientSecret } from '@nauthera/harness/server'
import { statement } from '../../../../src/store/driver/database.ts'
import { bankKey } from './clients.ts'
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
    'replayOnce: the mark of a DPoP proof lasts for as long as the proof is taken': async (replicas) => {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      const iat = Math.floor(Date.now() / 1000) + 290
      const proof = await new SignJWT({ htm: 'POST', htu: `${replicas.issuer}/token`, jti: randomUUID(), iat })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
        .sign(privateKey)
      const all = statement<{ id: string; ends: Date }>(
        'test-marks',
        "SELECT id, expires_at AS ends FROM one_time WHERE kind = 'jti'",
      )
      const marks = () => replicas.apps[0]!.store.database.query(all, [])
      const before = (await marks()).map(({ id }) => id)
      const form = { grant_type: 'client_credentials' }
      const headers = { ...basic('app.machine', clientSecret), dpop: proof }
      expect((await send(replicas, { path: '/token', form, headers })).status).to.equal(200)
      const [mark, ...more] = (await marks()).filter(({ id }) => !before.includes(id))
      expect(more).to.deep.equal([])
      expect(mark!.ends.getTime() / 1000).to.be.greaterThan(iat + 300)
    },
    'replayOnce: a client of FAPI 2.0 shows no proof that is signed with RS256': async (replicas) => {
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
