import { compactDecrypt } from 'jose'
import { expect } from 'chai'
import { send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchTokens } from '@nauthera/harness/flows'
import { letterKey } from './clients.ts'
import type { Contract } from './contract.ts'

const clientId = 'app.letters'

export const contract: Contract = {
  replaces: ['IdToken.prototype.issue'],
  holds: {
    'encryptUserinfo: userinfo is encrypted to the key of the client that is for it, the ID token is not': async (
      replicas,
    ) => {
      const { id, access } = await fetchTokens(replicas, { parameters: { client_id: clientId }, clientId })
      const me = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
      expect(me.headers['content-type']).to.match(/^application\/jwt/)
      const { plaintext } = await compactDecrypt(me.body, letterKey.privateKey)
      const claims = claimsOfJwt(Buffer.from(plaintext).toString())
      expect(claims).to.include({ iss: replicas.issuer, aud: clientId, email: 'ada@example.com' })
      expect(claims['sub']).to.equal(claimsOfJwt(id)['sub'])
    },
  },
}
