import { expect } from 'chai'
import { claimsOfJwt, fetchTokens, refresh, tokensOf } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['Client.prototype.includeSid'],
  holds: {
    'sidForAll: ID tokens name the session, at a refresh too': async (replicas) => {
      const first = await fetchTokens(replicas)
      const { sid } = claimsOfJwt(first.id)
      expect(sid).to.match(/^[\w-]{20,}$/)
      const second = tokensOf(await refresh(replicas, first.refresh))
      expect(claimsOfJwt(second.id)['sid']).to.equal(sid)
    },
  },
}
