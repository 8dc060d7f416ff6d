import { generateKeyPairSync, sign } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { derFromRaw, rawFromDer } from '../../../src/oidc/keys/ecdsa-signature.ts'

const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

describe('the two ways to write a signature', () => {
  it('name the same numbers, with and without zeros at the front', () => {
    const half = fc.oneof(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc
        .tuple(fc.nat(31), fc.uint8Array({ minLength: 32, maxLength: 32 }))
        .map(([zeros, bytes]) => bytes.fill(0, 0, zeros)),
    )
    fc.assert(
      fc.property(half, half, (r, s) => {
        const raw = Buffer.concat([r, s])
        const der = derFromRaw(raw)!
        expect(rawFromDer(der)).to.deep.equal(raw)
        expect(der[1]).to.equal(der.length - 2)
      }),
    )
  })

  it('are those of OpenSSL', () => {
    for (let turn = 0; turn < 500; turn++) {
      const der = sign('sha256', Buffer.from(String(turn)), key)
      expect(derFromRaw(rawFromDer(der))).to.deep.equal(der)
    }
    expect(publicKey.asymmetricKeyType).to.equal('ec')
  })

  it('is nothing for other lengths', () => {
    for (const length of [0, 63, 65, 96]) expect(derFromRaw(Buffer.alloc(length))).to.equal(undefined)
  })
})
