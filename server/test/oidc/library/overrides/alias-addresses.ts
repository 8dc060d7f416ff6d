import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { basic, send } from '@nauthera/harness/browser'
import { clientSecret } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['OIDCContext.prototype.urlFor', 'OIDCContext.prototype.clientJwtAuthExpectedAudience'],
  holds: {
    // at the other address: server/test/oidc/mutual-tls.integration.test.ts
    'aliasAddresses: a request to the issuer has the address of the issuer': async (replicas) => {
      const { privateKey, publicKey } = await generateKeyPair('ES256')
      const jwk = await exportJWK(publicKey)
      for (const [origin, status] of [
        [replicas.issuer, 200],
        ['https://mtls.example.com', 400],
      ] as const) {
        const body = { htm: 'POST', htu: `${origin}/token`, iat: Math.floor(Date.now() / 1000), jti: randomUUID() }
        const header = { alg: 'ES256', typ: 'dpop+jwt', jwk }
        const dpop = await new SignJWT(body).setProtectedHeader(header).sign(privateKey)
        const headers = { ...basic('app.machine', clientSecret), dpop }
        const answer = await send(replicas, { path: '/token', form: { grant_type: 'client_credentials' }, headers })
        expect(answer.status, origin).to.equal(status)
      }
    },
  },
}
