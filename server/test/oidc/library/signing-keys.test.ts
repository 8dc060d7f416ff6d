import { verify } from 'node:crypto'
import { expect } from 'chai'
import { CompactSign, compactVerify, importJWK } from 'jose'
import type { ExternalSigningKey } from 'oidc-provider'
import { mintSigningKey, publicPart } from '../../../src/oidc/keys/jwt.ts'
import { signingKeys } from '../../../src/oidc/library/signing-keys.ts'

describe(signingKeys.name, () => {
  it('signs with a key of P-256 as others verify it, each time anew', async () => {
    const jwk = await mintSigningKey('ES256')
    const [key] = signingKeys([jwk]) as [ExternalSigningKey]
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: jwk.kid })).toString('base64url')
    for (let turn = 0; turn < 200; turn++) {
      const signed = `${header}.${Buffer.from(`text ${turn}`).toString('base64url')}`
      const signature = Buffer.from(await key.sign(Buffer.from(signed))).toString('base64url')
      const { payload } = await compactVerify(`${signed}.${signature}`, await importJWK(publicPart(jwk)))
      expect(Buffer.from(payload).toString()).to.equal(`text ${turn}`)
    }
  })

  it('verifies by the public part of the key, and says what the key is for', async () => {
    const jwk = { ...(await mintSigningKey('ES256')), key_ops: ['verify'] }
    const [key] = signingKeys([jwk]) as [ExternalSigningKey]
    const object = await key.keyObject()
    expect([object.type, key.kid, key.alg, key.kty, key.crv, key.key_ops]).to.deep.equal([
      'public',
      jwk.kid,
      'ES256',
      'EC',
      'P-256',
      ['verify'],
    ])
    const signed = await new CompactSign(Buffer.from('text'))
      .setProtectedHeader({ alg: 'ES256' })
      .sign(await importJWK({ ...jwk, key_ops: ['sign'] }))
    const [header, payload, signature] = signed.split('.')
    const raw = Buffer.from(signature!, 'base64url')
    expect(
      verify('sha256', Buffer.from(`${header}.${payload}`), { key: object, dsaEncoding: 'ieee-p1363' }, raw),
    ).to.equal(true)
  })

  it('leaves keys of other algorithms to the library', async () => {
    const keys = [await mintSigningKey('RS256'), await mintSigningKey('EdDSA')]
    expect(signingKeys(keys)).to.deep.equal(keys)
  })
})
