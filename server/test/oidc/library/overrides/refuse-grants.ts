import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { fetchTokens } from '@nauthera/harness/flows'
import { clientSecret } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['Client.prototype.grantTypeAllowed'],
  holds: {
    'refuseGrants: a client that asks for a grant of others is told unauthorized_client': async (replicas) => {
      const ask = async (path: string, form: Record<string, string>) => {
        const answer = await send(replicas, { path, form, headers: basic('app.machine', clientSecret) })
        return `${answer.status} ${String(answer.json()['error'])}`
      }
      for (const grant of ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'])
        expect(await ask('/token', { grant_type: grant }), grant).to.equal('400 unauthorized_client')
      expect(await ask('/device_authorization', {})).to.equal('400 unauthorized_client')
      expect(await ask('/token', { grant_type: 'password' })).to.equal('400 unsupported_grant_type')
    },
    'refuseGrants: a client without the grant of refresh tokens gets the tokens that it may have': async (replicas) => {
      const tokens = await fetchTokens(replicas, { parameters: { client_id: 'app.once' }, clientId: 'app.once' })
      expect(tokens.access).to.be.a('string').and.not.equal('')
    },
  },
}
