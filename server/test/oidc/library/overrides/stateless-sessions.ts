import { expect } from 'chai'
import { Browser } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchTokens } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: [
    'Session.prototype.authorizationFor',
    'Session.prototype.ensureClientContainer',
    'Session.prototype.sidFor',
    'Session.prototype.grantIdFor',
    'Session.prototype.loginAccount',
  ],
  payload: { model: 'Session', names: ['uid', 'accountId', 'loginTs', 'authorizations', 'state', 'transient'] },
  holds: {
    'statelessSessions: sid is the same for every sign-in with one session': async (replicas) => {
      const asked = JSON.stringify({ id_token: { sid: null } })
      const browser = new Browser(replicas)
      const sids = new Set<unknown>()
      for (let n = 0; n < 2; n++) {
        const tokens = await fetchTokens(replicas, { browser, parameters: { claims: asked } })
        sids.add(claimsOfJwt(tokens.id)['sid'])
      }
      expect(sids.size).to.equal(1)
      expect([...sids][0]).to.be.a('string')
    },
  },
}
