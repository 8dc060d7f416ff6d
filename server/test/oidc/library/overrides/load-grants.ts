import { expect } from 'chai'
import { fetchTokens, introspect, revoke } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['Grant.find'],
  holds: {
    'loadGrants: a token is active until its grant ends': async (replicas) => {
      const tokens = await fetchTokens(replicas)
      expect((await introspect(replicas, tokens.access)).json()['active']).to.equal(true)
      await revoke(replicas, tokens.refresh)
      expect((await introspect(replicas, tokens.access)).json()).to.deep.equal({ active: false })
    },
  },
}
