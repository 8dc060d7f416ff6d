import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { clientSecret } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['Client.find'],
  holds: {
    'proveSectors: a client whose sector cannot be proved asks for nobody, and is a client all the same': async (
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
