import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { basic, send } from '@nauthera/harness/browser'
import { clientSecret } from '@nauthera/harness/server'
import { statement } from '../../../../src/store/driver/database.ts'
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
  },
}
