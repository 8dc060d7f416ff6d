import { expect } from 'chai'
import { fapiAssertionFault, fapiRequestFault, proofFault } from '../../../src/oidc/artefacts/fapi.ts'

const issuer = 'https://login.example.com'
const now = 10_000_000
const jwt = (claims: object = {}, alg = 'ES256') => ({
  claims: { aud: issuer, nbf: 10_000, exp: 10_060, ...claims },
  header: { alg },
  now,
})

for (const [check, name] of [
  [fapiAssertionFault, 'a client assertion'],
  [fapiRequestFault, 'a request object'],
] as const)
  describe(`${check.name}`, () => {
    for (const alg of ['ES256', 'PS256', 'EdDSA', 'Ed25519'])
      it(`takes ${alg}`, () => expect(check(jwt({}, alg), issuer)).to.equal(undefined))
    for (const alg of ['RS256', 'HS256', 'none'])
      it(`says what to do about ${alg}`, () =>
        expect(check(jwt({}, alg), issuer)).to.equal(`${name} is signed with ES256, PS256, EdDSA under FAPI 2.0`))
  })

describe(fapiAssertionFault.name, () => {
  for (const aud of [[issuer], `${issuer}/`, `${issuer}/token`, '', undefined])
    it(`refuses the audience ${JSON.stringify(aud)}`, () =>
      expect(fapiAssertionFault(jwt({ aud }), issuer)).to.contain(issuer))
})

describe(fapiRequestFault.name, () => {
  it('takes the issuer among several audiences, and an hour of life', () => {
    expect(fapiRequestFault(jwt({ aud: ['https://other.example.com', issuer] }), issuer)).to.equal(undefined)
    expect(fapiRequestFault(jwt({ nbf: 6_400, exp: 10_000 }), issuer)).to.equal(undefined)
  })
  for (const [what, claims, said] of [
    ['another audience', { aud: 'https://other.example.com' }, issuer],
    ['no nbf', { nbf: undefined }, 'nbf and exp'],
    ['no exp', { exp: undefined }, 'nbf and exp'],
    ['nbf more than an hour ago', { nbf: 6_399 }, 'nbf'],
    ['more than an hour of life', { exp: 13_601 }, 'exp'],
  ] as const)
    it(`refuses ${what}`, () => expect(fapiRequestFault(jwt(claims), issuer)).to.contain(said))
})

describe(proofFault.name, () => {
  const isFapi = true
  const proof = (header: unknown) => `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30.AA`
  it('judges the algorithm of a proof under FAPI 2.0 alone', () => {
    expect(proofFault(proof({ alg: 'PS256' }), { isFapi })).to.equal(undefined)
    expect(proofFault(proof({ alg: 'RS256' }), { isFapi })).to.contain('a DPoP proof')
    expect(proofFault(proof({ alg: 'RS256' }), { isFapi: false })).to.equal(undefined)
  })
  it('T11 refuses a weak key of RSA of every client', () => {
    const n = Buffer.alloc(256, 0xff).toString('base64url')
    for (const jwk of [
      { kty: 'RSA', n, e: 'AQ' },
      { kty: 'RSA', n: n.slice(0, 170), e: 'AQAB' },
      { kty: 'RSA', n },
    ])
      expect(proofFault(proof({ alg: 'RS256', jwk }), { isFapi: false })).to.contain('too weak')
    expect(proofFault(proof({ alg: 'RS256', jwk: { kty: 'RSA', n, e: 'AQAB' } }), { isFapi: false })).to.equal(
      undefined,
    )
  })
  it('leaves a request without a proof, and what is no proof, to the library', () => {
    expect(proofFault('', { isFapi })).to.equal(undefined)
    expect(proofFault('%%', { isFapi })).to.equal(undefined)
  })
})
