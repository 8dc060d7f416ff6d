import { expect } from 'chai'
import { claimsByScope, oidcScopes, scopeOfClaim } from '../src/scopes.ts'

describe('scopeOfClaim', () => {
  it('knows where a claim belongs', () => {
    expect(scopeOfClaim('email')).to.equal('email')
    expect(scopeOfClaim('auth_time')).to.equal(undefined)
  })
})

describe('oidcScopes', () => {
  it('are those that hold claims, and the one for a refresh token', () => {
    expect(oidcScopes).to.have.members([...Object.keys(claimsByScope), 'offline_access'])
  })
})
