import { expect } from 'chai'
import fc from 'fast-check'
import { SignJWT, importJWK } from 'jose'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { createSealer } from '../../../src/oidc/artefacts/sealed.ts'
import { createSignedTokens, grantReference, signedTokenName } from '../../../src/oidc/artefacts/signed-tokens.ts'
import { mintCookieKey, mintSigningKey } from '../../../src/oidc/keys/jwt.ts'
import { buildKeySet, signingLine } from '../../../src/oidc/keys/key-set.ts'
import { cookieLine } from '../../../src/oidc/keys/states.ts'
import type { KeySet, RingKey } from '../../../src/oidc/keys/key-set.ts'

const issuer = 'https://id.example.test'
const day = 86_400_000
const policy = { publishBefore: 60_000, rotateEvery: 30 * day, retireFor: () => day }

describe(createSignedTokens.name, () => {
  const start = Date.UTC(2026, 0, 1)
  let old: RingKey
  let next: RingKey
  let cookie: RingKey
  before(async () => {
    const keyFrom = async (at: number): Promise<RingKey> => {
      const privateJwk = await mintSigningKey('ES256')
      const times = { createdAt: at, activeAt: at }
      return { id: privateJwk.kid, line: signingLine('ES256'), use: 'sig', algorithm: 'ES256', privateJwk, ...times }
    }
    old = await keyFrom(start)
    next = await keyFrom(start + 10 * day)
    const { id, secret } = mintCookieKey()
    cookie = { id, secret, line: cookieLine, use: 'cookie', algorithm: 'A256GCM', createdAt: start, activeAt: start }
  })
  const keysAt = (now: number): KeySet => buildKeySet([old, next, cookie], ['ES256'], now, policy)
  const sealer = createSealer({ keys: () => keysAt(start).cookies, epoch: () => 1 })

  const claims = { jti: 'an-id', client_id: 'app.machine', sub: 'app.machine', aud: 'urn:api', scope: 'read', iat: 0 }
  const sign = async (more: object, head: object = {}, key: RingKey = old) =>
    new SignJWT({ ...claims, iss: issuer, exp: (start + day) / 1000, ...more })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: key.id, ...head })
      .sign(await importJWK(key.privateJwk!, 'ES256'))
  const findAt = (now: number, signedToken: string | undefined, epoch = 0) => {
    const keySet = keysAt(now)
    const tokens = createSignedTokens({ issuer, keys: () => keySet, sealer, epoch: () => epoch, now: () => now })
    return tokens.find({ signedToken } as never)
  }

  it('gives the payload of the library’s model for a token of client credentials', async () => {
    const { sub: _sub, client_id: clientId, ...kept } = claims
    const exp = (start + day) / 1000
    expect(await findAt(start, await sign({}))).to.deep.equal({ ...kept, exp, clientId, kind: 'ClientCredentials' })
  })

  it('gives grant and account of a person’s token, from its sealed reference and never from sub', async () => {
    const grant = { grantId: 'a-grant', accountId: 'a-person' }
    const token = await sign({ sub: 'pairwise', ...grantReference(grant, sealer) })
    expect(await findAt(start, token)).to.include({ kind: 'AccessToken', ...grant })
    expect(await findAt(start, await sign({ sub: 'a-person' }))).to.equal(undefined)
    expect(await findAt(start, await sign({ grant_ref: 'nr_00000000_x' }))).to.equal(undefined)
    // another kind of sealed value is no reference, and a reference is nothing else
    const opaque = sealer.seal('AccessToken', grant)
    expect(await findAt(start, await sign({ grant_ref: opaque }))).to.equal(undefined)
    expect(sealer.unseal('AccessToken', grantReference(grant, sealer).grant_ref!)).to.equal(undefined)
    expect(grantReference({}, sealer)).to.deep.equal({})
  })

  it('T62 takes nothing that was issued before the database was restored, whose revocations may be lost', async () => {
    const second = fc.integer({ min: start / 1000 - 3600, max: start / 1000 + 3600 })
    await fc.assert(
      fc.asyncProperty(second, second, fc.boolean(), async (iat, restored, isOfPerson) => {
        const grant = grantReference({ grantId: 'a-grant', accountId: 'a-person' }, sealer)
        const token = await sign({ iat, ...(isOfPerson ? { sub: 'a-person', ...grant } : {}) })
        const found = await findAt(start, token, restored)
        expect(found !== undefined).to.equal(iat >= restored)
      }),
      { numRuns: propertyRuns(50) },
    )
  })

  it('says what the token is bound to', async () => {
    const bound = { jkt: 'a-thumbprint', 'x5t#S256': 'a-certificate' }
    expect(await findAt(start, await sign({ cnf: bound }))).to.include(bound)
  })

  it('takes a token whose key only verifies any more, until the key is removed', async () => {
    const later = start + 10 * day + 1000
    const token = await sign({ exp: (start + 20 * day) / 1000 })
    expect(keysAt(later).signing.map(({ kid }) => kid)).to.deep.equal([next.id, old.id])
    expect(await findAt(later, token)).to.include({ jti: 'an-id' })
    expect(await findAt(later, await sign({ exp: (start + 20 * day) / 1000 }, {}, next))).to.include({ jti: 'an-id' })
    const removed = start + 12 * day
    expect(keysAt(removed).signing.map(({ kid }) => kid)).to.deep.equal([next.id])
    expect(await findAt(removed, token)).to.equal(undefined)
  })

  const refused: [sentence: string, more: object, head?: object][] = [
    ['has expired', { exp: start / 1000 - 60 }],
    ['is not valid yet', { nbf: start / 1000 + 60 }],
    ['has no expiry', { exp: undefined }],
    ['is of another issuer', { iss: 'https://other.example.test' }],
    ['has no client', { client_id: undefined }],
    ['is an ID token', {}, { typ: 'JWT' }],
    ['says no type', {}, { typ: undefined }],
    ['names an unknown key', {}, { kid: 'unknown' }],
  ]
  for (const [sentence, more, head] of refused) {
    it(`refuses a token that ${sentence}`, async () => {
      expect(await findAt(start, await sign(more, head))).to.equal(undefined)
      expect(await findAt(start, await sign({}))).to.include({ jti: 'an-id' })
    })
  }

  it('stands for nothing where no JWT came, whatever the name', async () => {
    expect(await findAt(start, undefined)).to.equal(undefined)
    expect(await findAt(start, signedTokenName)).to.equal(undefined)
  })

  it('verifies once a request', async () => {
    let asked = 0
    const keySet = keysAt(start)
    const keys = () => {
      asked++
      return keySet
    }
    const tokens = createSignedTokens({ issuer, keys, sealer, epoch: () => 0, now: () => start })
    const request = { signedToken: await sign({}) } as never
    await Promise.all([tokens.find(request), tokens.find(request), tokens.find(request)])
    expect(asked).to.equal(1)
  })
})
