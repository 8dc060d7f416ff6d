import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { fetchTokens } from '@nauthera/harness/flows'
import { clientSecret } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: [
    'AuthorizationCode.prototype.getValueAndPayload',
    'AccessToken.prototype.getValueAndPayload',
    'ClientCredentials.prototype.getValueAndPayload',
  ],
  holds: {
    'sealValues: opaque tokens are sealed strings, and JWTs stay JWTs': async (replicas) => {
      const tokens = await fetchTokens(replicas)
      for (const value of [tokens.access, tokens.refresh]) expect(value).to.match(/^nr_[0-9a-f]{8}_[A-Za-z0-9_-]+$/)
      const opaque = await send(replicas, {
        path: '/token',
        form: { grant_type: 'client_credentials' },
        headers: basic('app.opaque', clientSecret),
      })
      expect(opaque.json()['access_token']).to.match(/^nr_/)
      const jwt = await send(replicas, {
        path: '/token',
        form: { grant_type: 'client_credentials' },
        headers: basic('app.machine', clientSecret),
      })
      expect(String(jwt.json()['access_token']).split('.')).to.have.length(3)
    },
  },
}
