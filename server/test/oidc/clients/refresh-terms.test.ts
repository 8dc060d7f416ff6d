import { expect } from 'chai'
import { idleLifetime, refreshesInSession } from '../../../src/oidc/clients/refresh-terms.ts'

const day = 86_400
const confidential = { grantTypes: ['refresh_token'], refreshTokenTtl: 0, tokenEndpointAuthMethod: 'client_secret' }
const anybody = { ...confidential, tokenEndpointAuthMethod: 'none' }

describe('idleLifetime', () => {
  it('is a day at most for a public client without offline_access, and that of the client for all others', () => {
    for (const [client, scope, refreshTokenTtl, wanted] of [
      [confidential, 'openid', 0, 30 * day],
      [confidential, 'openid', 60 * day, 60 * day],
      [anybody, 'openid offline_access', 0, 30 * day],
      [anybody, 'openid', 0, day],
      [anybody, 'openid not_offline_access', 60 * day, day],
      [anybody, undefined, 3600, 3600],
    ] as const)
      expect(idleLifetime({ ...client, refreshTokenTtl }, scope), `${refreshTokenTtl} ${scope}`).to.equal(wanted)
  })
})

describe('refreshesInSession', () => {
  it('is true where a public client is given a token that the person did not allow as offline_access', () => {
    expect(refreshesInSession(anybody, 'openid')).to.equal(true)
    expect(refreshesInSession(anybody, 'openid offline_access')).to.equal(false)
    expect(refreshesInSession(confidential, 'openid')).to.equal(false)
    expect(refreshesInSession({ ...anybody, grantTypes: [] }, 'openid')).to.equal(false)
  })
})
