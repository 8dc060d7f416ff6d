import { expect } from 'chai'
import { checkPolicySpec } from '../../src/decide/check-spec.ts'

describe('checkPolicySpec', () => {
  it('names every fault of a baseline where it stands in the settings', () => {
    const faults = checkPolicySpec({ grace: 'long', allow: { redirectHosts: ['*.example.com'], typo: true } }, 'policy')
    expect(faults.map(({ path }) => path)).to.have.members([
      'policy.grace',
      'policy.allow.redirectHosts',
      'policy.allow.typo',
    ])
  })
})
