import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { clientSecret, configs, entry } from '@nauthera/harness/server'
import { findClients } from '../../../../src/oidc/library/overrides/find-clients.ts'
import { clients } from './clients.ts'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['Client.find'],
  holds: {
    'findClients: throws at start when the library no longer has the method': async () => {
      const gutted = { Client: { find: undefined } } as never
      expect(() => findClients(gutted, {} as never)).to.throw('no longer has find')
    },
    'findClients: a client works as long as it is in the registry': async (replicas) => {
      const form = { grant_type: 'client_credentials' }
      const ask = () => send(replicas, { path: '/token', form, headers: basic('app.late', clientSecret) })
      expect((await ask()).status).to.equal(401)
      await replicas.serve([...clients, entry('app.late', configs.machine)])
      expect((await ask()).status).to.equal(200)
      await replicas.serve(clients)
      expect((await ask()).status).to.equal(401)
    },
    'findClients: a client whose sector cannot be proved asks for nobody, and is a client all the same': async (
      replicas,
    ) => {
      const ask = (path: string, form: Record<string, string>) =>
        send(replicas, { path, form, headers: basic('app.sector', clientSecret) })
      const pushed = await ask('/request', { response_type: 'code' })
      expect([pushed.status, pushed.json()['error']]).to.deep.equal([400, 'invalid_request'])
      expect(pushed.json()['error_description']).to.contain('https://127.0.0.1:1/sector')
      const looked = await ask('/introspect', { token: 'none' })
      expect([looked.status, looked.json()]).to.deep.equal([200, { active: false }])
    },
  },
}
