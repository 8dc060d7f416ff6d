import { createSecretKey, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { EncryptJWT, jwtDecrypt } from 'jose'
import { decryptClaims, encryptClaims } from '../../../src/oidc/keys/encrypted-claims.ts'

describe(encryptClaims.name, () => {
  const bytes = randomBytes(32)
  const key = createSecretKey(bytes)
  const kid = '00000001'
  const bound = 'interaction:u1:1'
  const expiresAt = 2_000
  const now = new Date(1_000_000)
  const keyOf = (id: string) => (id === kid ? key : undefined)
  const open = (token: string) => decryptClaims(token, { keyOf, bound, now })
  const encrypt = (claims: object) => encryptClaims({ ...claims }, { key, kid, bound, expiresAt })
  const jose = (header: object = {}) =>
    new EncryptJWT({ a: 1 })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid, ...header })
      .setAudience(bound)
      .setExpirationTime(expiresAt)

  it('gives back any claims, and two tokens of the same claims differ', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (given) => {
        const { __proto__: _, aud: _aud, exp: _exp, ...rest } = given
        const claims = JSON.parse(JSON.stringify(rest)) as object
        expect(open(encrypt(claims))).to.deep.equal({ ...claims, aud: bound, exp: expiresAt })
        expect(encrypt(claims)).to.not.equal(encrypt(claims))
      }),
    )
  })

  it('makes what jose reads, and reads what jose makes: a release before and after read the same cookies', async () => {
    const { payload, protectedHeader } = await jwtDecrypt(encrypt({ a: 1, text: 'Zoë' }), bytes, {
      audience: bound,
      currentDate: now,
    })
    expect(payload).to.deep.equal({ a: 1, text: 'Zoë', aud: bound, exp: expiresAt })
    expect(protectedHeader).to.deep.equal({ alg: 'dir', enc: 'A256GCM', kid })
    expect(open(await jose().encrypt(bytes))).to.deep.equal({ a: 1, aud: bound, exp: expiresAt })
  })

  it('L19 refuses a token with any character changed, left out or added', () => {
    const token = encrypt({ a: 1 })
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom('A', '_', '.', '=', '', 'AA', '\n'), (at, put) => {
        const changed = token.slice(0, at) + put + token.slice(at + 1)
        // the last character of a part has bits that count for nothing
        const isSame = changed.split('.').every((part, n) => same(part, token.split('.')[n]!))
        expect(open(changed) === undefined).to.equal(!isSame, changed)
      }),
      { numRuns: propertyRuns(2_000) },
    )
  })

  it('L19 refuses another key, purpose, algorithm or header, and what has expired', async () => {
    const token = encrypt({ a: 1 })
    const other = createSecretKey(randomBytes(32))
    expect(decryptClaims(token, { keyOf: () => other, bound, now })).to.equal(undefined)
    expect(decryptClaims(token, { keyOf: () => undefined, bound, now })).to.equal(undefined)
    expect(decryptClaims(token, { keyOf, bound: 'interaction:u2:1', now })).to.equal(undefined)
    expect(decryptClaims(token, { keyOf, bound, now: new Date(expiresAt * 1000) })).to.equal(undefined)
    expect(open(await jose({ enc: 'A128CBC-HS256' }).encrypt(bytes))).to.equal(undefined)
    expect(open(await jose({ kid: '__proto__' }).encrypt(bytes))).to.equal(undefined)
    expect(open(await jose({ typ: 'JWT' }).encrypt(bytes))).to.equal(undefined)
    for (const text of ['', '.', '....', 'a..b.c.d', token.replace('..', '.AAAA.'), `${token}.`]) {
      expect(open(text)).to.equal(undefined)
    }
  })
})

const same = (part: string, other: string): boolean =>
  part.length === other.length &&
  Buffer.from(part, 'base64url').equals(Buffer.from(other, 'base64url')) &&
  !/[^\w-]/.test(part)
