import { expect } from 'chai'
import fc from 'fast-check'
import { createSealedRequests } from '../../../src/oidc/artefacts/sealed-requests.ts'
import { createSealer } from '../../../src/oidc/artefacts/sealed.ts'
import { cookieKeys } from '../test-keys.ts'

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const requestOf = (body: object, signature = '') => `${part({ alg: 'none' })}.${part(body)}.${signature}`

describe('createSealedRequests', () => {
  const keys = cookieKeys('00000001')
  const sealer = createSealer({ keys: () => keys, epoch: () => 1 })
  const requests = createSealedRequests(sealer)
  const pushed = (body: object) => ({ jti: 'j', exp: 60, clientUid: 'uid', request: requestOf(body) })

  it('opens what it has sealed, with or without a signature', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ maxLength: 20 }).filter((name) => name !== '__proto__'),
          fc.string({ unit: 'grapheme', maxLength: 30 }),
          { maxKeys: 8 },
        ),
        fc.constantFrom('', 'c2ln'),
        (body, signature) => {
          const request = { jti: 'j', clientUid: 'uid', request: requestOf(body, signature) }
          expect(requests.unseal(requests.seal(request))).to.deep.equal(request)
        },
      ),
    )
  })

  it('T3 opens no other sealed value', () => {
    expect(requests.unseal(sealer.seal('AccessToken', { jti: 'j' }))).to.equal(undefined)
    expect(requests.unseal('nr_00000001_AAAA')).to.equal(undefined)
    expect(sealer.unseal('AuthorizationCode', requests.seal(pushed({})))).to.equal(undefined)
  })

  it('holds about 1,000 characters of parameters that do not get smaller', () => {
    let noise = ''
    for (let n = 0; noise.length < 1000; n++) noise += ((n * 2654435761) >>> 0).toString(36)
    expect(requests.seal(pushed({ state: noise })).length).to.be.at.most(2000)
  })

  const tooLong: [sentence: string, state: string][] = [
    ['would make a longer URI than 2,000 characters', Array.from({ length: 900 }, (_, n) => n * n).join('')],
    ['inflates to more than 8 KB, however small it gets', 'x'.repeat(9000)],
  ]
  for (const [sentence, state] of tooLong) {
    it(`refuses a request that ${sentence}, and says so`, () => {
      const seal = () => requests.seal(pushed({ state }))
      expect(seal).to.throw().with.property('error', 'invalid_request')
      expect(seal).to.throw().with.property('error_description').that.contains('too long')
    })
  }

  it('takes a URI of just 2,000 characters, and none of one more', () => {
    const urn = 'urn:ietf:params:oauth:request_uri:'
    const sealed = (length: number) =>
      createSealedRequests({ ...sealer, seal: () => 'x'.repeat(length - urn.length) }).seal(pushed({}))
    expect(sealed(2000)).to.have.length(2000 - urn.length)
    expect(() => sealed(2001))
      .to.throw()
      .with.property('error_description')
      .that.contains('2001 characters')
  })

  it('T7 opens nothing that inflates to more than 8 KB', () => {
    const value = sealer.seal('PushedAuthorizationRequest', { parts: ['x'.repeat(100_000)] })
    expect(value.length).to.be.lessThan(2000)
    expect(requests.unseal(value)).to.equal(undefined)
  })
})
