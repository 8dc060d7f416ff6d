import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { weakKeyFault } from '../src/weak-keys.ts'

describe(weakKeyFault.name, () => {
  const key = (modulusLength: number, publicExponent = 65_537n) => ({
    asymmetricKeyDetails: { modulusLength, publicExponent },
  })
  for (const [sentence, of, fault] of [
    ['with 2048 bits', key(2048), undefined],
    ['with 2047 bits', key(2047), /2048 bits/],
    ['with the exponent 1', key(2048, 1n), /exponent/],
    ['with the exponent 3', key(2048, 3n), /exponent/],
    ['with an even exponent', key(2048, 65_538n), /exponent/],
    ['with the next odd exponent', key(4096, 65_539n), undefined],
    ['with an exponent of 256 bits', key(2048, 2n ** 256n - 1n), undefined],
    ['with a longer exponent', key(2048, 2n ** 256n + 1n), /exponent/],
  ] as const)
    it(`${fault === undefined ? 'takes' : 'refuses'} a key ${sentence}`, () => {
      const found = weakKeyFault(of)
      if (fault === undefined) expect(found).to.equal(undefined)
      else expect(found).to.match(fault)
    })

  it('says nothing of a key without modulus', () => {
    expect(weakKeyFault(generateKeyPairSync('ed25519').publicKey)).to.equal(undefined)
    expect(weakKeyFault(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)).to.equal(undefined)
  })
})
