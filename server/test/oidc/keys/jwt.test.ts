import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { SignJWT } from 'jose'
import { verifySigned } from '../../../src/oidc/keys/jwt.ts'

const issuer = 'https://login.example.com'
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'a', alg: 'ES256', use: 'sig' }]
const claims = { iss: issuer, jti: 'x', aud: 'urn:api', client_id: 'app', iat: 1000, exp: 2000 }

describe('verifySigned', () => {
  const verify = async (changed: object = {}, at = 1000, typ = 'at+jwt') => {
    const said = JSON.parse(JSON.stringify({ ...claims, ...changed })) as Record<string, unknown>
    const token = await new SignJWT(said).setProtectedHeader({ alg: 'ES256', kid: 'a', typ }).sign(privateKey)
    const options = { keys, issuer, type: 'at+jwt', clockTolerance: 5, now: new Date(at * 1000) }
    // the second time it is a token that was seen before
    const both = [await verifySigned(token, options), await verifySigned(token, options)]
    expect(both[0]).to.deep.equal(both[1])
    return both[0]
  }

  it('tells what a token of ours says, until it ends, give or take the difference of clocks', async () => {
    expect(await verify()).to.deep.equal(claims)
    expect(await verify({}, 2004)).to.deep.equal(claims)
    expect(await verify({}, 2005)).to.equal(undefined)
  })

  it('tells nothing of a token of another issuer or kind, or that lacks something', async () => {
    expect(await verify({ iss: 'https://other.example.com' })).to.equal(undefined)
    expect(await verify({}, 1000, 'JWT')).to.equal(undefined)
    for (const name of ['jti', 'exp', 'aud', 'client_id'])
      expect(await verify({ [name]: undefined }), name).to.equal(undefined)
  })

  it('tells nothing of one that counts from later on', async () => {
    expect(await verify({ nbf: 1006 })).to.equal(undefined)
    expect(await verify({ nbf: 1005 })).to.deep.equal({ ...claims, nbf: 1005 })
  })
})
