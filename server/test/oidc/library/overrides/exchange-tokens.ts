import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { clientSecret } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['ClientCredentials.prototype.save'],
  payload: { model: 'AccessToken', names: ['grantId', 'accountId', 'sessionUid', 'jkt', 'x5t#S256', 'extra', 'aud'] },
  holds: {
    'exchangeTokens: a token of client_credentials is as it was': async (replicas) => {
      const answer = await send(replicas, {
        path: '/token',
        headers: basic('app.machine', clientSecret),
        form: { grant_type: 'client_credentials' },
      })
      expect(answer.status).to.equal(200)
      expect(answer.json()).not.to.have.property('issued_token_type')
    },
  },
}
