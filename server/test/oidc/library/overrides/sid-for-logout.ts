import { expect } from 'chai'
import { claimsOfJwt, getTokens, refresh, tokensOf } from '@nauthera/harness/flows'
import { configs, entry } from '@nauthera/harness/server'
import { clients } from './clients.ts'
import type { Contract } from './contract.ts'

const others = clients.filter(({ clientId }) => clientId !== 'app.web')

export const contract: Contract = {
  replaces: ['Client.prototype.includeSid'],
  holds: {
    'sidForLogout: ID tokens name the session for a client that is told when it ends, at a refresh too, and for no other':
      async (replicas) => {
        const backchannelLogoutUri = 'https://app.example.com/logout'
        expect(claimsOfJwt((await getTokens(replicas)).id)).to.not.have.property('sid')
        await replicas.serve([...others, entry('app.web', { ...configs.web, backchannelLogoutUri })])
        const first = await getTokens(replicas)
        const { sid } = claimsOfJwt(first.id)
        expect(sid).to.match(/^[\w-]{20,}$/)
        const second = tokensOf(await refresh(replicas, first.refresh))
        expect(claimsOfJwt(second.id)['sid']).to.equal(sid)
        await replicas.serve(clients)
      },
  },
}
