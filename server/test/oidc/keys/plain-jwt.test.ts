import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { CompactSign } from 'jose'
import { verifyForeign } from '../../../src/oidc/keys/jwt.ts'
import { createJwtSigner } from '../../../src/oidc/keys/jwt-signer.ts'
import { verifyPlain } from '../../../src/oidc/keys/plain-jwt.ts'

const pairOf = (kid: string, alg: 'ES256' | 'RS256') => {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const about = { kid, alg, use: 'sig' }
  return {
    privateKey,
    privateJwk: { ...privateKey.export({ format: 'jwk' }), ...about },
    jwk: { ...publicKey.export({ format: 'jwk' }), ...about },
  }
}
const ec = pairOf('ec', 'ES256')
const rsa = pairOf('rsa', 'RS256')
const keys = [ec.jwk, rsa.jwk]

const signed = (header: object, payload: unknown = { a: 1 }, by = ec) =>
  new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: by.jwk.alg, kid: by.jwk.kid, ...header } as never)
    .sign(by.privateKey)

describe(verifyPlain.name, () => {
  it('knows what others signed by ES256 and RS256', async () => {
    for (const by of [ec, rsa]) {
      const { header, claims, key } = verifyPlain(await signed({ typ: 'at+jwt' }, { sub: 'ada' }, by), keys)!
      expect(header).to.deep.equal({ alg: by.jwk.alg, kid: by.jwk.kid, typ: 'at+jwt' })
      expect(claims).to.deep.equal({ sub: 'ada' })
      expect(key).to.equal(by.jwk)
    }
  })

  const tampered = (token: string, part: number, change: (text: string) => string) =>
    token
      .split('.')
      .map((text, at) => (at === part ? change(text) : text))
      .join('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const odd: readonly [string, () => Promise<string>, (readonly object[])?][] = [
    ['a changed payload', async () => tampered(await signed({}), 1, () => encode({ a: 2 }))],
    ['a signature of zeros', async () => tampered(await signed({}), 2, () => Buffer.alloc(64).toString('base64url'))],
    [
      'a signature that is written in a second way',
      async () =>
        tampered(
          await signed({}),
          2,
          (text) =>
            `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : String.fromCharCode(text.charCodeAt(text.length - 1) + 1)}`,
        ),
    ],
    ['no signature', async () => tampered(await signed({}), 2, () => '')],
    ['alg none', async () => tampered(await signed({}), 0, () => encode({ alg: 'none', kid: 'ec' }))],
    [
      'an algorithm of the other key',
      async () => tampered(await signed({}), 0, () => encode({ alg: 'RS256', kid: 'ec' })),
    ],
    ['HS256', async () => tampered(await signed({}), 0, () => encode({ alg: 'HS256', kid: 'ec' }))],
    ['no kid', async () => tampered(await signed({}), 0, () => encode({ alg: 'ES256' }))],
    ['a kid of nobody', async () => signed({ kid: 'nobody' })],
    ['a header that says more', async () => signed({ cty: 'x' })],
    ['a payload that is no object', async () => signed({}, [1])],
    ['two keys of one name', async () => signed({}), [ec.jwk, ec.jwk]],
    ['a private key among the public ones', async () => signed({}), [ec.privateJwk]],
    ['a key for something else', async () => signed({}), [{ ...ec.jwk, use: 'enc' }]],
    ['a key of another algorithm', async () => signed({}), [{ ...ec.jwk, alg: 'ES384' }]],
    ['a key that says what may be done with it', async () => signed({}), [{ ...ec.jwk, key_ops: ['verify'] }]],
  ]
  for (const [what, make, others] of odd)
    it(`says nothing about ${what}`, async () =>
      expect(verifyPlain(await make(), (others ?? keys) as readonly Record<string, unknown>[])).to.equal(undefined))

  for (const alg of ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])
    it(`T2 says nothing about the algorithm ${alg}, whatever the key is, and throws nothing`, async () => {
      const kinds = [
        generateKeyPairSync('rsa', { modulusLength: 2048 }),
        generateKeyPairSync('ec', { namedCurve: 'P-256' }),
        generateKeyPairSync('ed25519'),
        generateKeyPairSync('x25519'),
      ]
      for (const { publicKey } of kinds) {
        const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'ec' }
        const token = tampered(await signed({}), 0, () => encode({ alg, kid: 'ec' }))
        expect(verifyPlain(token, [jwk])).to.equal(undefined)
        expect(await verifyForeign(token, [jwk])).to.be.a('string')
      }
    })

  it('takes no RSA key of fewer than 2048 bits', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const short = { ...publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256' }
    expect(verifyPlain(await signed({}, {}, rsa), [short])).to.equal(undefined)
  })
})

describe(verifyForeign.name, () => {
  const plain = [{}, { typ: 'JWT' }, { typ: 'jose' }, { typ: 'application/jwt' }, { typ: 'client-authentication+jwt' }]
  const others = [
    'at+jwt',
    'Logout+JWT',
    'vc+sd-jwt',
    'oauth-client-attestation+jwt',
    'entity-statement+jwt',
    'wit+jwt',
    '',
  ]
  /** With a second member jose verifies it, without one we do. */
  const ways: readonly object[] = [{}, { cty: 'JWT' }]

  for (const way of ways) {
    const by = JSON.stringify(way)
    for (const head of plain)
      it(`takes a token with the header ${JSON.stringify(head)} beside ${by} as a proof`, async () =>
        expect(await verifyForeign(await signed({ ...way, ...head }), keys)).to.deep.equal({ a: 1 }))

    for (const typ of [...others, 1, null, {}, ['jwt']])
      it(`T30 takes no token of the type ${JSON.stringify(typ)} beside ${by}: its issuer made it for something else`, async () =>
        expect(await verifyForeign(await signed({ ...way, typ }), keys)).to.equal('malformed'))

    it(`takes no token beside ${by} whose claims are no object`, async () => {
      for (const claims of [null, 5, 'text', true, [{ a: 1 }]])
        expect(await verifyForeign(await signed(way, claims), keys), JSON.stringify(claims)).to.equal('malformed')
    })
  }
})

describe(createJwtSigner.name, () => {
  it('signs by the active key of its algorithm', () => {
    const old = { ...pairOf('old', 'ES256').privateJwk, key_ops: ['verify'] }
    const token = createJwtSigner([rsa.privateJwk, old, ec.privateJwk] as never, 'at+jwt')!.sign({ sub: 'ada' })
    expect(verifyPlain(token, keys)!.header).to.deep.equal({ alg: 'ES256', typ: 'at+jwt', kid: 'ec' })
  })

  it('is none without such a key', () => {
    expect(createJwtSigner([rsa.privateJwk] as never, 'at+jwt')).to.equal(undefined)
  })
})
