import { expect } from 'chai'
import { fetchTokens, refresh } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: [
    'RefreshToken.prototype.consume',
    'RefreshToken.prototype.generateTokenId',
    'RefreshToken.prototype.getValueAndPayload',
  ],
  payload: { model: 'RefreshToken', names: ['grantId', 'accountId', 'sessionUid', 'authTime', 'iiat'] },
  holds: {
    'rotateRefreshTokens: parallel uses of a refresh token get the same new token': async (replicas) => {
      const tokens = await fetchTokens(replicas)
      const [one, other] = await Promise.all([refresh(replicas, tokens.refresh), refresh(replicas, tokens.refresh)])
      expect(one.json()['refresh_token']).to.equal(other.json()['refresh_token'])
      expect(one.json()['refresh_token']).to.be.a('string').and.not.equal(tokens.refresh)
    },
  },
}
