import { expect } from 'chai'
import { assertionFault, requestObjectFault } from '../../../src/oidc/artefacts/client-jwts.ts'

const now = 1_000_000
const jwt = (claims: object = {}, header: object = {}) => ({
  claims: { iss: 'app', sub: 'app', iat: 1000, ...claims },
  header: { alg: 'ES256', ...header },
  now,
  restoredAt: 0,
})

describe('assertionFault', () => {
  it('finds nothing wrong with a client assertion, with or without a type', () => {
    for (const typ of [undefined, 'JWT', 'client-authentication+jwt'])
      expect(assertionFault(jwt({}, { typ }))).to.equal(undefined)
  })

  it('finds a request object by its type, however it is written', () => {
    for (const typ of ['oauth-authz-req+jwt', 'application/oauth-authz-req+jwt', 'OAuth-Authz-Req+JWT'])
      expect(assertionFault(jwt({}, { typ }))).to.contain('request object')
  })

  it('finds what its type says is something else', () => {
    for (const typ of ['dpop+jwt', 'at+jwt', 'logout+jwt', 'application/token-introspection+jwt'])
      expect(assertionFault(jwt({}, { typ }))).to.contain('it is no client assertion')
  })

  it('finds a request object by what only requests have', () => {
    for (const name of ['response_type', 'redirect_uri', 'response_mode', 'code_challenge'])
      expect(assertionFault(jwt({ [name]: 'x' }))).to.contain(name)
  })
})

for (const check of [assertionFault, requestObjectFault]) {
  describe(`${check.name}, of any JWT of a client`, () => {
    it('allows clocks to differ by 10 s, and no more', () => {
      expect(check(jwt({ iat: 1010 }))).to.equal(undefined)
      expect(check(jwt({ iat: 1011 }))).to.contain('iat')
    })

    it('refuses a payload that is not encoded', () => {
      expect(check(jwt({}, { b64: false, crit: ['b64'] }))).to.contain('b64')
      expect(check(jwt({}, { b64: true }))).to.contain('b64')
    })
  })
}

describe('assertionFault, after the database was restored', () => {
  it('T62 refuses what was signed before: that it was used may be forgotten', () => {
    const restored = { ...jwt(), restoredAt: 1000 }
    expect(assertionFault(restored)).to.equal(undefined)
    expect(assertionFault({ ...restored, restoredAt: 1001 })).to.contain('restored')
    expect(assertionFault({ ...jwt({ iat: undefined, nbf: 1000 }), restoredAt: 1001 })).to.contain('restored')
  })
})

describe('requestObjectFault', () => {
  it('finds what its type says is something else', () => {
    for (const typ of ['dpop+jwt', 'client-authentication+jwt'])
      expect(requestObjectFault(jwt({}, { typ }))).to.contain('it is no request object')
    for (const typ of [undefined, 'JWT', 'oauth-authz-req+jwt'])
      expect(requestObjectFault(jwt({}, { typ }))).to.equal(undefined)
  })

  it('finds an empty list of APIs', () => {
    expect(requestObjectFault(jwt({ resource: [] }))).to.contain('resource')
    for (const resource of ['https://api.test', ['https://api.test']])
      expect(requestObjectFault(jwt({ resource }))).to.equal(undefined)
  })

  it('finds an API with a bare name by the URI that it has in here, save in what the library wrote itself', () => {
    for (const resource of ['bare:rabbitmq', ['rabbitmq', 'bare:rabbitmq']]) {
      expect(requestObjectFault(jwt({ resource }))).to.contain('bare:')
      expect(requestObjectFault(jwt({ resource }, { alg: 'none' }))).to.equal(undefined)
    }
    expect(requestObjectFault(jwt({ resource: 'rabbitmq' }))).to.equal(undefined)
  })

  it('allows what requests have', () => {
    expect(requestObjectFault(jwt({ response_type: 'code' }, { typ: 'oauth-authz-req+jwt' }))).to.equal(undefined)
  })
})
