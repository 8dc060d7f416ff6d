import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { compactDecrypt, decodeProtectedHeader } from 'jose'
import { keyEncryptions } from '@nauthera/rules/algorithms'
import { isForEncryption } from '@nauthera/rules/jwks'
import { encryptTo } from '../../../src/oidc/keys/encrypt-to.ts'

const pairs = {
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  X25519: generateKeyPairSync('x25519'),
}

describe('encryptTo', () => {
  for (const alg of keyEncryptions)
    for (const [kind, { publicKey, privateKey }] of Object.entries(pairs)) {
      const key = { ...publicKey.export({ format: 'jwk' }), use: 'enc', kid: kind }
      if (!isForEncryption(key, alg)) continue
      it(`${alg}: what is encrypted to a key of ${kind} is read with its private key`, async () => {
        const jwe = await encryptTo(key, 'a.signed.jwt', { alg, enc: 'A256GCM' })
        const { plaintext } = await compactDecrypt(jwe, privateKey)
        expect(Buffer.from(plaintext).toString()).to.equal('a.signed.jwt')
        expect(decodeProtectedHeader(jwe)).to.deep.include({ alg, enc: 'A256GCM', cty: 'JWT', kid: kind })
      })
    }

  it('reads a key once, however many answers are encrypted to it', async () => {
    const key = { ...pairs.RSA.publicKey.export({ format: 'jwk' }), use: 'enc' }
    const about = { alg: 'RSA-OAEP-256', enc: 'A256GCM' }
    await encryptTo(key, 'a.signed.jwt', about)
    delete key.n
    const { plaintext } = await compactDecrypt(await encryptTo(key, 'another.signed.jwt', about), pairs.RSA.privateKey)
    expect(Buffer.from(plaintext).toString()).to.equal('another.signed.jwt')
  })
})
