import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { publicKeyOfJwk } from '../../../src/oidc/keys/public-key.ts'

const jwkOf = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })

describe('publicKeyOfJwk', () => {
  it('reads a key once, and each for itself', () => {
    const [one, other] = [jwkOf(), jwkOf()]
    expect(publicKeyOfJwk(one)).to.equal(publicKeyOfJwk(one))
    expect(publicKeyOfJwk(one).export({ format: 'jwk' })).to.deep.equal(one)
    expect(publicKeyOfJwk(other).export({ format: 'jwk' })).to.deep.equal(other)
    expect(publicKeyOfJwk({ ...one })).not.to.equal(publicKeyOfJwk(one))
  })

  it('says of one that cannot be read, each time, that it cannot', () => {
    const broken = { ...jwkOf(), x: 'AA' }
    for (let n = 0; n < 2; n++) expect(() => publicKeyOfJwk(broken)).to.throw()
  })
})
