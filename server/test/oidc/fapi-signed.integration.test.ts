import { expect } from 'chai'
import { SignJWT, UnsecuredJWT, decodeProtectedHeader } from 'jose'
import type { JWTPayload } from 'jose'
import * as oauth from 'oauth4webapi'
import { Browser, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt } from '@nauthera/harness/flows'
import { addPerson, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { createFapiClient, fapi, keyOf, seconds } from './fapi-client.ts'
import type { Key } from './fapi-client.ts'

// FAPI 2.0 Message Signing by section: signed requests (RFC 9101), responses (JARM) and introspection (RFC 9701). The cases are those of
// the protocol suite of the OpenID Foundation.

describe('FAPI 2.0 Message Signing', () => {
  let replicas: ServerReplicas
  let keys: Readonly<Record<'PS256' | 'RS256', Key>>
  let otherKey: Key
  let bank: ReturnType<typeof createFapiClient>
  before(async () => {
    const [PS256, RS256] = await Promise.all(['PS256', 'RS256'].map((alg) => keyOf(alg)))
    keys = { PS256: PS256!, RS256: RS256! }
    otherKey = await keyOf('PS256')
    replicas = await startReplicas()
    await replicas.serve([
      fapi('app.bank', Object.values(keys), { requireSignedRequestObject: true, responseModes: ['query', 'jwt'] }),
    ])
    await addPerson(replicas, 'ada')
    bank = createFapiClient(replicas, 'app.bank', { signing: keys.PS256, holder: await keyOf('ES256') })
  })
  after(() => replicas?.stop())

  it('5.3 5.4 5.5 a relying party signs its request, and checks signed answers of authorization and introspection', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true }
    const issuer = new URL(replicas.issuer)
    const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
    const app: oauth.Client = {
      client_id: 'app.bank',
      id_token_signed_response_alg: 'ES256',
      authorization_signed_response_alg: 'ES256',
      introspection_signed_response_alg: 'ES256',
    }
    const authentication = oauth.PrivateKeyJwt({ key: keys.PS256.privateKey, kid: 'PS256' })
    const DPoP = oauth.DPoP(app, await oauth.generateKeyPair('ES256'))
    const [verifier, state, nonce] = [
      oauth.generateRandomCodeVerifier(),
      oauth.generateRandomState(),
      oauth.generateRandomNonce(),
    ]
    const asked = {
      response_type: 'code',
      response_mode: 'jwt',
      redirect_uri: redirectUri,
      scope: 'openid email',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    }
    const request = await oauth.issueRequestObject(as, app, asked, { key: keys.PS256.privateKey, kid: 'PS256' })
    const pushed = await oauth.processPushedAuthorizationResponse(
      as,
      app,
      await oauth.pushedAuthorizationRequest(as, app, authentication, { request }, { DPoP, ...insecure }),
    )
    const back = await new Browser(replicas).authorize(bank.authorizationAt(pushed.request_uri), 'ada')
    expect([...back.searchParams.keys()]).to.deep.equal(['response'])
    const answer = await oauth.validateJwtAuthResponse(as, app, back, state, insecure)
    const redeemed = await oauth.authorizationCodeGrantRequest(as, app, authentication, answer, redirectUri, verifier, {
      DPoP,
      ...insecure,
    })
    const tokens = await oauth.processAuthorizationCodeResponse(as, app, redeemed, { expectedNonce: nonce })
    await oauth.validateApplicationLevelSignature(as, redeemed, insecure)
    const looked = await oauth.introspectionRequest(as, app, authentication, tokens.access_token, {
      requestJwtResponse: true,
      ...insecure,
    })
    expect(looked.headers.get('content-type')).to.match(/^application\/token-introspection\+jwt/)
    const found = await oauth.processIntrospectionResponse(as, app, looked)
    await oauth.validateApplicationLevelSignature(as, looked, insecure)
    expect(found).to.include({ active: true, client_id: 'app.bank' })
  })

  const claims = (more: JWTPayload = {}): JWTPayload => ({
    ...bank.parameters(pkce()),
    iss: 'app.bank',
    aud: replicas.issuer,
    nbf: seconds(),
    exp: seconds() + 300,
    ...more,
  })
  const requestObject = (more: JWTPayload = {}, key: Key = keys.PS256) =>
    new SignJWT(claims(more)).setProtectedHeader({ alg: key.alg, kid: key.kid }).sign(key.privateKey)
  const push = (request: string) => bank.push({ client_id: 'app.bank', request })

  const accepted: readonly [string, () => JWTPayload][] = [
    ['for several audiences', () => ({ aud: ['https://other.example.com', replicas.issuer] })],
    ['that begins 8 s in the future', () => ({ nbf: seconds() + 8, iat: seconds() + 8 })],
    ['that lives for 50 minutes', () => ({ exp: seconds() + 3000 })],
  ]
  for (const [what, more] of accepted)
    it(`5.3.1 takes a signed request ${what}`, async () => {
      const answer = await push(await requestObject(more()))
      expect(answer.status, answer.body).to.equal(201)
    })
  const refused: readonly [string, () => JWTPayload][] = [
    ['for another audience', () => ({ aud: 'https://other.example.com' })],
    ['without nbf', () => ({ nbf: undefined }) as never],
    ['without exp', () => ({ exp: undefined }) as never],
    ['that has ended', () => ({ exp: seconds() - 60 })],
    ['that is 70 minutes old', () => ({ nbf: seconds() - 4200 })],
    ['that lives for 70 minutes', () => ({ exp: seconds() + 4200 })],
    ['that begins 70 s in the future', () => ({ nbf: seconds() + 70 })],
    ['with a request_uri in it', () => ({ request_uri: 'urn:ietf:params:oauth:request_uri:x' })],
  ]
  for (const [what, more] of refused)
    it(`5.3.1 refuses a signed request ${what}`, async () => {
      const answer = await push(await requestObject(more()))
      expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_request_object'])
    })
  it('5.3.1 refuses a signed request without a redirect URI', async () => {
    const answer = await push(await requestObject({ redirect_uri: undefined }))
    expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_request'])
  })
  it('5.3.1 5.4.1 refuses a request that is signed with RS256, by another key, wrongly or not at all', async () => {
    const good = await requestObject()
    for (const request of [
      await requestObject({}, keys.RS256),
      await requestObject({}, otherKey),
      `${good.slice(0, -8)}AAAAAAAA`,
      new UnsecuredJWT(claims()).encode(),
    ]) {
      const answer = await push(request)
      expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_request_object'])
    }
    const plain = await bank.push(bank.parameters(pkce()))
    expect([plain.status, plain.json()['error']]).to.deep.equal([400, 'invalid_request'])
  })
  it('5.3.1 reads no parameter that stands beside a signed request, at the push or afterwards', async () => {
    const request = await requestObject({ state: undefined })
    const pushed = await bank.push({ client_id: 'app.bank', state: 'beside', nonce: 'beside', request })
    const url = bank.authorizationAt(String(pushed.json()['request_uri']), { state: 'beside', nonce: 'beside' })
    const back = await new Browser(replicas).authorize(url, 'ada')
    expect([...back.searchParams.keys()].sort()).to.deep.equal(['code', 'iss'])
  })

  const answeredBy = async (more: JWTPayload) => {
    const pushed = await push(await requestObject({ response_mode: 'jwt', ...more }))
    const url = bank.authorizationAt(String(pushed.json()['request_uri']))
    return claimsOfJwt((await new Browser(replicas).authorize(url, 'ada')).searchParams.get('response')!)
  }
  it('5.4.2 a signed response is for the client, ends within 10 minutes, and holds what a plain one does', async () => {
    const answer = await answeredBy({})
    expect(answer).to.include({ iss: replicas.issuer, aud: 'app.bank', state: 'a-state' })
    expect(answer['exp']).to.be.within(seconds() + 10, seconds() + 600)
    expect(answer).to.have.property('code')
  })
  it('5.4.2 an error is signed as well', async () => {
    expect(await answeredBy({ prompt: 'none' }).catch(String)).to.include({ error: 'login_required' })
  })

  const introspect = async (token: string, accept: string) =>
    send(replicas, { path: '/introspect', headers: { accept }, form: { token, ...(await bank.assertion()) } })
  it('5.5 introspection is signed for who asks, also of a token that is none, and plain for others', async () => {
    const signed = await introspect('no-token', 'application/token-introspection+jwt')
    expect(decodeProtectedHeader(signed.body)).to.include({ typ: 'token-introspection+jwt', alg: 'ES256' })
    expect(claimsOfJwt(signed.body)).to.deep.include({ aud: 'app.bank', token_introspection: { active: false } })
    for (const accept of ['application/json', '*/*'])
      expect((await introspect('no-token', accept)).json()).to.deep.equal({ active: false })
  })
})
