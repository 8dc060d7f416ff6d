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

describe('checkSpec, of what both the definition and the server know', () => {
  it('says one mistake once, where it stands', () => {
    const claim = { name: 'sub', fromGroups: { a: ['b'] } }
    const faults = checkSpec(client({ claims: [claim] }))
    expect(faults.map(({ path }) => path)).to.deep.equal(['spec.claims[0].name'])
  })

  it('says two mistakes of one object both', () => {
    const faults = checkSpec(
      client({ claims: [{ name: 'sub', fromGroups: {} }], redirectURIs: ['http://a.example.com'] }),
    )
    expect(faults.map(({ path }) => path.split('[')[0])).to.have.members(['spec.claims', 'spec.redirectURIs'])
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
