import { expect } from 'chai'
import { checkPolicySpec, checkSpec } from '../../src/decide/client/check-spec.ts'
import { client } from './clients.ts'

describe('checkSpec', () => {
  it('judges a spec once: a client is looked at several times for each change of it', () => {
    const one = client({}, { name: 'one' })
    const later = { ...one, metadata: { ...one.metadata, resourceVersion: '2' } }
    expect(checkSpec(later)).to.equal(checkSpec(one))
  })
  it('judges a spec anew for another object, whose name belongs to the rules', () => {
    const one = client({}, { name: 'one' })
    expect(checkSpec(one)).to.be.empty
    const long = { ...one, metadata: { ...one.metadata, name: 'n'.repeat(121) } }
    expect(checkSpec(long).map(({ path }) => path)).to.deep.equal(['metadata.name'])
  })
})

describe('checkPolicySpec', () => {
  it('names every fault of a baseline where it stands in the settings', () => {
    const faults = checkPolicySpec({ grace: 'long', allow: { redirectHosts: ['*.example.com'], typo: true } }, 'policy')
    expect(faults.map(({ path }) => path)).to.have.members([
      'policy.grace',
      'policy.allow.redirectHosts[0]',
      'policy.allow.typo',
    ])
  })
})
