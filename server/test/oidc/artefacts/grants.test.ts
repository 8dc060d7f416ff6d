import { expect } from 'chai'
import { grantPayload } from '../../../src/oidc/artefacts/grants.ts'

describe('grantPayload', () => {
  it('gives a claim only with its scope', () => {
    const allowed = { scopes: ['openid', 'email'], resources: { 'https://api.test': ['read'] } }
    expect(grantPayload(allowed, ['email', 'phone_number', 'auth_time'])).to.deep.equal({
      openid: { scope: 'openid email', claims: ['email', 'auth_time'] },
      resources: { 'https://api.test': 'read' },
    })
  })
})
