import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { clientSecret } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['ClientCredentials.prototype.save', 'AccessToken.prototype.save'],
  payload: { model: 'AccessToken', names: ['rar'] },
  holds: {
    'authorizationDetails: the library reads the parameter, and refuses what it cannot do with it': async (
      replicas,
    ) => {
      const answer = await send(replicas, {
        path: '/token',
        headers: basic('app.machine', clientSecret),
        form: { grant_type: 'client_credentials', authorization_details: '[{"type":"unknown"}]' },
      })
      expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_authorization_details'])
    },
  },
}
