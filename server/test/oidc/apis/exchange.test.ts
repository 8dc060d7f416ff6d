import { expect } from 'chai'
import { accessTokenType, actorOf, chainOf, readExchange, subjectFault } from '../../../src/oidc/apis/exchange.ts'

const token = { aud: 'urn:api', accountId: 'ada', grantId: 'g' }

describe(readExchange.name, () => {
  it('reads the APIs of resource and audience together', () => {
    const usual = { subject_token: 'x', subject_token_type: accessTokenType }
    const named = { resource: ['urn:a', 'bare:b'], audience: ['c', 'bare:d'] }
    expect(readExchange({ ...usual, ...named, scope: 'read' })).to.deep.equal({
      kind: 'read',
      request: { subjectToken: 'x', apis: ['urn:a', 'bare:b', 'bare:c', 'bare:bare:d'], scope: 'read' },
    })
  })
})

describe(subjectFault.name, () => {
  it('has nothing against a token of a person for this API', () => {
    expect(subjectFault(token, 'urn:api')).to.equal(undefined)
  })

  it('T50 says the same of a token for another audience as of one that nobody knows; only the audit log says which', () => {
    const unknown = subjectFault(undefined, 'urn:api')
    const foreign = subjectFault({ ...token, aud: 'urn:other' }, 'urn:api')
    expect(foreign?.description).to.equal(unknown?.description)
    expect(foreign?.detail).not.to.equal(unknown?.detail)
  })
})

describe(actorOf.name, () => {
  it('puts the client that acts now before those that acted', () => {
    const act = actorOf('c', { ...token, extra: { act: actorOf('b', { ...token, extra: { act: { sub: 'a' } } }) } })
    expect(chainOf(act)).to.deep.equal(['c', 'b', 'a'])
  })
})
