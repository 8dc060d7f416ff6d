import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { canVerify, isForEncryption, jwksFaults } from '../src/jwks.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ec = publicKey.export({ format: 'jwk' })
const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' })

const refused: readonly [sentence: string, jwks: unknown, message: RegExp][] = [
  ['nothing', null, /^must be a JWK set/],
  ['a key in place of a set', ec, /^must be a JWK set/],
  ['keys that are no list', { keys: ec }, /^must be a JWK set/],
  ['a key that is a text', { keys: ['x'] }, /^keys\[0\] must be an object/],
  ['a key of no type', { keys: [{ ...ec, kty: undefined }] }, /^keys\[0\] must have kty/],
  ['a shared secret', { keys: [{ kty: 'oct', k: 'AAAA' }] }, /^keys\[0\] must be a public key/],
  ['a key without curve', { keys: [{ ...ec, crv: undefined }] }, /^keys\[0\] must have crv, such as P-256/],
  ['half a key', { keys: [{ kty: 'EC', crv: 'P-256' }] }, /^keys\[0\] must have x and y/],
  ['a point that is not on the curve', { keys: [{ ...ec, y: ec.x }] }, /^keys\[0\] must be a valid key/],
  ['no base64', { keys: [{ ...ed, x: '!' }] }, /^keys\[0\] must be a valid key/],
  ['a short RSA key', { keys: [rsa(1024)] }, /^keys\[0\] must have at least 2048 bits/],
  [
    'an RSA key with which anybody can sign',
    { keys: [{ ...rsa(2048), e: 'AQ' }] },
    /^keys\[0\] must have an odd exponent/,
  ],
  ['an RSA key with a small exponent', { keys: [{ ...rsa(2048), e: 'Aw' }] }, /^keys\[0\] must have an odd exponent/],
  ['an RSA key with an even exponent', { keys: [{ ...rsa(2048), e: 'AQAC' }] }, /^keys\[0\] must have an odd exponent/],
  [
    'an RSA key with a huge exponent',
    { keys: [{ ...rsa(2048), e: Buffer.alloc(33, 0xff).toString('base64url') }] },
    /^keys\[0\] must have an odd exponent/,
  ],
  ['an odd kid', { keys: [{ ...ec, kid: 7 }] }, /^keys\[0\] must have text in kid/],
  ['odd certificates', { keys: [{ ...ec, x5c: 'x' }] }, /^keys\[0\] must have a list of texts in x5c/],
]

const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })

describe('canVerify', () => {
  for (const [sentence, keys, expected] of [
    ['an EC key with P-256', [ec], true],
    ['an Ed25519 key, by either name of its algorithm', [{ ...ed, alg: 'EdDSA' }], true],
    ['an Ed25519 key of RFC 9864', [{ ...ed, alg: 'Ed25519' }], true],
    ['an RSA key for PS256', [{ ...rsa(2048), alg: 'PS256', use: 'sig', key_ops: ['verify'] }], true],
    ['a usable key beside another', [p384, ec], true],
    ['no key', [], false],
    ['a key with a curve of which no algorithm is taken', [p384], false],
    ['a key for encryption', [{ ...ec, use: 'enc' }], false],
    ['a key that may not verify', [{ ...ec, key_ops: ['deriveBits'] }], false],
    ['a key for agreement', [x25519], false],
    ['a key of an algorithm that is not taken', [{ ...rsa(2048), alg: 'RS512' }], false],
    ['a key of a type that nobody here knows', [{ kty: 'LATER', pub: 'x' }], false],
  ] as const) {
    it(`${expected ? 'holds' : 'does not hold'} for ${sentence}`, () => expect(canVerify({ keys })).to.equal(expected))
  }
})

describe('isForEncryption', () => {
  for (const [sentence, key, algorithm, expected] of [
    ['an RSA key', { ...rsa(2048), use: 'enc' }, 'RSA-OAEP-256', true],
    ['an RSA key of the algorithm', { ...rsa(2048), use: 'enc', alg: 'RSA-OAEP-256' }, 'RSA-OAEP-256', true],
    ['an EC key', { ...ec, use: 'enc' }, 'ECDH-ES', true],
    ['an EC key of another curve', { ...p384, use: 'enc' }, 'ECDH-ES+A256KW', true],
    ['an X25519 key', { ...x25519, use: 'enc' }, 'ECDH-ES', true],
    ['a key of another algorithm', { ...rsa(2048), use: 'enc', alg: 'RSA1_5' }, 'RSA-OAEP-256', false],
    ['a key that wraps the key of the content', { ...ec, use: 'enc', alg: 'ECDH-ES+A256KW' }, 'ECDH-ES', false],
    ['a key of another type', { ...ec, use: 'enc' }, 'RSA-OAEP-256', false],
    ['an RSA key for agreement', { ...rsa(2048), use: 'enc' }, 'ECDH-ES', false],
    ['a curve of signatures', { ...ed, use: 'enc' }, 'ECDH-ES', false],
    ['a key that does not say what it is for', ec, 'ECDH-ES', false],
    ['a key for signatures', { ...rsa(2048), use: 'sig' }, 'RSA-OAEP-256', false],
    ['a text', 'x', 'ECDH-ES', false],
  ] as const) {
    it(`${expected ? 'holds' : 'does not hold'} for ${sentence}`, () =>
      expect(isForEncryption(key, algorithm)).to.equal(expected))
  }
})

describe('jwksFaults', () => {
  for (const [sentence, jwks, message] of refused) {
    it(`refuses ${sentence}`, () => {
      const faults = jwksFaults(jwks)
      expect(faults).to.have.length(1)
      expect(faults[0]).to.match(message)
    })
  }

  it('refuses a private key without repeating it', () => {
    const jwk = privateKey.export({ format: 'jwk' })
    const [fault] = jwksFaults({ keys: [jwk] })
    expect(fault).to.match(/^keys\[0\] must not have d: this is a private key/)
    expect(fault).not.to.contain(jwk.d)
  })

  it('names each key at fault by its place', () => {
    expect(jwksFaults({ keys: [{ kty: 'oct' }, ec, 'x'] }).map((fault) => fault.slice(0, 7))).to.deep.equal([
      'keys[0]',
      'keys[2]',
    ])
  })

  for (const [sentence, keys] of [
    ['EC, Ed25519 and RSA keys', [{ ...ec, kid: 'a', alg: 'ES256', use: 'sig' }, ed, rsa(2048)]],
    ['no key yet', []],
    ['an ML-DSA key', [generateKeyPairSync('ml-dsa-44').publicKey.export({ format: 'jwk' })]],
    ['a type that nobody here knows', [{ kty: 'LATER', pub: 'x' }]],
    ['a curve that nobody here knows', [{ kty: 'EC', crv: 'secp256k1', x: 'a', y: 'b' }]],
  ] as const) {
    it(`takes ${sentence}`, () => expect(jwksFaults({ keys })).to.deep.equal([]))
  }
})
