import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { clientSecret } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['Client.prototype.compareClientSecret'],
  holds: {
    'compareSecrets: the right client secret is accepted by its hash, a wrong one is refused': async (replicas) => {
      const form = { grant_type: 'client_credentials' }
      expect(
        (await send(replicas, { path: '/token', form, headers: basic('app.machine', `${clientSecret}x`) })).status,
      ).to.equal(401)
      expect(
        (await send(replicas, { path: '/token', form, headers: basic('app.machine', clientSecret) })).status,
      ).to.equal(200)
    },
  },
}
