import { expect } from 'chai'
import { fetchCode, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['AuthorizationCode.prototype.consume', 'DeviceCode.prototype.consume'],
  payload: { model: 'AuthorizationCode', names: ['grantId', 'accountId', 'sessionUid', 'authTime'] },
  holds: {
    'consumeCodes: a code works once, and a second use revokes its tokens': async (replicas) => {
      const code = await fetchCode(replicas)
      const tokens = tokensOf(await redeem(replicas, code))
      expect((await redeem(replicas, code)).json()['error']).to.equal('invalid_grant')
      expect((await refresh(replicas, tokens.refresh)).json()['error']).to.equal('invalid_grant')
    },
  },
}
