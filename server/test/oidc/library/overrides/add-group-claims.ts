import { expect } from 'chai'
import { send } from '@nauthera/harness/browser'
import { fetchCode, redeem, tokensOf } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['Claims.prototype.result'],
  holds: {
    'addGroupClaims: userinfo has claims whose names the Provider does not list': async (replicas) => {
      const clientId = 'app.roles'
      const code = await fetchCode(replicas, { parameters: { client_id: clientId } })
      const { access } = tokensOf(await redeem(replicas, code, { clientId }))
      const me = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
      expect(me.json()['roles']).to.deep.equal(['dev'])
    },
  },
}
