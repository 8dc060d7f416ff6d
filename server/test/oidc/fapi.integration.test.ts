import { mock } from 'node:test'
import { expect } from 'chai'
import { calculateJwkThumbprint } from 'jose'
import * as client from 'openid-client'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Browser, authorizationUrl, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt } from '@nauthera/harness/flows'
import { addPerson, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { timesToLive } from '../../src/oidc/library/times-to-live.ts'
import { statement } from '../../src/store/driver/database.ts'
import { createFapiClient, fapi, keyOf, seconds } from './fapi-client.ts'
import type { Assertion, Key } from './fapi-client.ts'

/** As if so many seconds had passed, for whoever reads the clock anew: the library does. */
async function afterSeconds<Result>(count: number, work: () => Promise<Result>): Promise<Result> {
  mock.timers.enable({ apis: ['Date'], now: Date.now() + count * 1000 })
  try {
    return await work()
  } finally {
    mock.timers.reset()
  }
}

// FAPI 2.0 Security Profile by section: what is taken and what is refused. The cases are those of the protocol suite of the OpenID
// Foundation for private_key_jwt with DPoP.

type Bank = ReturnType<typeof createFapiClient>

describe('FAPI 2.0 Security Profile', function () {
  let replicas: ServerReplicas
  let keys: Readonly<Record<'ES256' | 'PS256' | 'EdDSA' | 'RS256', Key>>
  let otherKey: Key
  let bank: Bank
  let other: Bank
  before(async () => {
    const [ES256, PS256, EdDSA, RS256] = await Promise.all(
      ['ES256', 'PS256', 'EdDSA', 'RS256'].map((alg) => keyOf(alg)),
    )
    keys = { ES256: ES256!, PS256: PS256!, EdDSA: EdDSA!, RS256: RS256! }
    otherKey = await keyOf('ES256', 'other')
    replicas = await startReplicas({ count: 2, settings: { signing: { algorithms: ['ES256', 'RS256', 'PS256'] } } })
    await replicas.serve([fapi('app.bank', Object.values(keys)), fapi('app.other', [otherKey])])
    await addPerson(replicas, 'ada')
    bank = createFapiClient(replicas, 'app.bank', { signing: keys.ES256, holder: await keyOf('ES256') })
    other = createFapiClient(replicas, 'app.other', { signing: otherKey, holder: await keyOf('ES256') })
  })
  after(() => replicas?.stop())

  describe('a relying party of the profile', () => {
    for (const alg of ['ES256', 'PS256', 'EdDSA'] as const)
      it(`5.4.1 signs in with keys of ${alg}: pushed request, code, userinfo, refresh`, async () => {
        const { privateKey, kid } = keys[alg]
        const config = await client.discovery(
          new URL(replicas.issuer),
          'app.bank',
          { id_token_signed_response_alg: 'ES256' },
          client.PrivateKeyJwt({ key: privateKey, kid }),
          { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
        )
        const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(alg === 'EdDSA' ? 'Ed25519' : alg))
        const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()]
        const asked = {
          redirect_uri: redirectUri,
          scope: 'openid email offline_access',
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          state,
          nonce,
        }
        const url = await client.buildAuthorizationUrlWithPAR(config, asked, { DPoP })
        const back = await new Browser(replicas).authorize(url.href, 'ada')
        const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }
        const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP })
        expect(tokens.token_type).to.equal('dpop')
        expect(tokens.claims()).to.include({ nonce }).and.not.to.have.property('email')
        const person = await client.fetchUserInfo(config, tokens.access_token, tokens.claims()!.sub, { DPoP })
        expect(person.email).to.equal('ada@example.com')
        const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!, undefined, { DPoP })
        expect(refreshed.access_token).not.to.equal(tokens.access_token)
        expect(refreshed.refresh_token ?? tokens.refresh_token).to.equal(tokens.refresh_token)
      })
    it('5.3.2.2 reads in discovery what the profile needs', async () => {
      const metadata = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
      expect(metadata['authorization_response_iss_parameter_supported']).to.equal(true)
      expect(metadata['code_challenge_methods_supported']).to.deep.equal(['S256'])
      expect(metadata['response_modes_supported']).to.include('jwt')
      for (const purpose of [
        'token_endpoint_auth',
        'dpop',
        'id_token',
        'request_object',
        'userinfo',
        'authorization',
        'introspection',
      ])
        expect(metadata[`${purpose}_signing_alg_values_supported`], purpose).to.include.members(['ES256', 'PS256'])
    })
  })

  describe('5.3.2.1 client authentication', () => {
    const refused: readonly [string, () => Assertion][] = [
      ['is signed with RS256 (5.4.1)', () => ({ key: keys.RS256 })],
      ['is signed with the key of another client', () => ({ key: otherKey })],
      ['has a list as audience', () => ({ claims: { aud: [replicas.issuer] } })],
      ['has the token endpoint as audience', () => ({ claims: { aud: `${replicas.issuer}/token` } })],
      ['has this endpoint as audience', () => ({ claims: { aud: `${replicas.issuer}/request` } })],
      ['has this server and another one as audience', () => ({ claims: { aud: [replicas.issuer, 'https://a.test'] } })],
      ['has the issuer with a slash as audience', () => ({ claims: { aud: `${replicas.issuer}/` } })],
      ['has no audience', () => ({ claims: { aud: undefined } as never })],
      ['is of another issuer', () => ({ claims: { iss: 'app.other' } })],
      ['has no iss', () => ({ claims: { iss: undefined } as never })],
      ['has no jti', () => ({ claims: { jti: undefined } as never })],
      ['lives longer than 30 days', () => ({ claims: { exp: seconds() + 31 * 86_400 } })],
      ['is for another server', () => ({ claims: { aud: 'https://other.example.com' } })],
      ['has no sub', () => ({ claims: { sub: undefined } as never })],
      ['has no exp', () => ({ claims: { exp: undefined } as never })],
      ['ended 5 minutes ago', () => ({ claims: { exp: seconds() - 300 } })],
      [
        'begins 61 s in the future',
        () => ({ claims: { iat: seconds() + 61, nbf: seconds() + 61, exp: seconds() + 120 } }),
      ],
      ['was issued 61 s in the future', () => ({ claims: { iat: seconds() + 61, exp: seconds() + 120 } })],
    ]
    for (const [what, by] of refused)
      it(`refuses an assertion that ${what}`, async () => {
        const answer = await bank.push(bank.parameters(pkce()), { by: by() })
        expect([answer.status, answer.json()['error']]).to.deep.equal([401, 'invalid_client'])
      })
    it('T11 takes an assertion once, whichever endpoint and replica gets it', async () => {
      const { form } = await bank.codeFor()
      const shown = await bank.assertion()
      const asked = (replica: number) =>
        send(replicas, { replica, path: '/request', form: { ...bank.parameters(pkce()), ...shown } })
      const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => asked(n % 2)))
      expect(answers.filter(({ status }) => status === 201)).to.have.length(1)
      expect(answers.filter(({ status }) => status === 401)).to.have.length(5)
      const headers = { dpop: await bank.proof('/token') }
      const again = await send(replicas, { replica: 1, path: '/token', headers, form: { ...form, ...shown } })
      expect([again.status, again.json()['error']]).to.deep.equal([401, 'invalid_client'])
      expect((await bank.token(form)).status).to.equal(200)
    })
    it('refuses an assertion without a signature, of another type, and two of them', async () => {
      const { client_assertion: jwt, client_assertion_type: type } = await bank.assertion()
      const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${jwt.split('.')[1]!}.`
      const push = async (pairs: [string, string][]) => {
        const form = [...Object.entries(bank.parameters(pkce())), ...pairs]
        const answer = await send(replicas, { path: '/request', form })
        return `${answer.status} ${String(answer.json()['error'])}`
      }
      const by = (assertion: string, kind = type): [string, string][] => [
        ['client_assertion', assertion],
        ['client_assertion_type', kind],
      ]
      expect(await push(by(unsigned))).to.equal('401 invalid_client')
      expect(await push(by(jwt, 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'))).to.equal(
        '401 invalid_client',
      )
      expect(await push([...by(jwt), ['client_assertion', jwt]])).to.equal('400 invalid_request')
      expect(await push([...by(jwt), ['client_secret', 'x'.repeat(40)]])).to.equal('400 invalid_request')
      expect(await push(by(jwt))).to.equal('201 undefined')
    })
    it('takes an assertion that begins 8 s in the future', async () => {
      const claims = { iat: seconds() + 8, nbf: seconds() + 8 }
      expect((await bank.push(bank.parameters(pkce()), { by: { claims } })).status).to.equal(201)
    })
    it('refuses at the token endpoint what it refuses at others, and whoever shows nothing', async () => {
      const { form } = await bank.codeFor()
      for (const by of [{ key: keys.RS256 }, { claims: { aud: [replicas.issuer] } }, { claims: { sub: 'app.other' } }])
        expect((await bank.token(form, { by })).json()['error']).to.equal('invalid_client')
      const silent = await send(replicas, { path: '/token', form: { ...form, client_id: 'app.bank' } })
      expect(silent.json()['error']).to.be.oneOf(['invalid_client', 'invalid_request'])
      expect((await bank.token(form)).status).to.equal(200)
    })
  })

  describe('5.3.2.2 authorization', () => {
    it('takes a pushed request, whose URI ends within 600 s, and says iss in the answer', async () => {
      const { back, pushed } = await bank.codeFor()
      expect(pushed.json()['expires_in']).to.be.within(5, 599)
      expect([...back.searchParams.keys()].sort()).to.deep.equal(['code', 'iss', 'state'])
      expect(back.searchParams.get('iss')).to.equal(replicas.issuer)
    })
    const accepted: readonly [string, Record<string, string>][] = [
      ['without state', { state: '' }],
      ['without nonce', { nonce: '' }],
      ['with a nonce of 64 characters', { nonce: 'n'.repeat(64) }],
      ['with a state of 64 characters', { state: 's'.repeat(64) }],
      ['with a nonce of 384 characters', { nonce: 'n'.repeat(384) }],
      ['with a state of 1000 characters', { state: 's'.repeat(1000) }],
      ['with its scopes in another order', { scope: 'offline_access email openid' }],
      ['with claims that it names', { claims: JSON.stringify({ id_token: { email: null } }) }],
    ]
    for (const [what, more] of accepted)
      it(`takes a request ${what}`, async () => {
        const { back, form } = await bank.codeFor({ more })
        const state = 'state' in more ? more['state'] || null : 'a-state'
        expect(back.searchParams.get('state')).to.equal(state)
        const id = claimsOfJwt(String((await bank.token(form)).json()['id_token']))
        expect(id['nonce']).to.equal('nonce' in more ? more['nonce'] || undefined : 'a-nonce')
        expect(id).not.to.have.property('s_hash')
        if (more['claims'] !== undefined) expect(id).to.include({ email: 'ada@example.com' })
      })
    const refused: readonly [string, Record<string, string>][] = [
      ['without PKCE', { code_challenge: '', code_challenge_method: '' }],
      ['with a challenge that is plain', { code_challenge_method: 'plain' }],
      ['for code id_token', { response_type: 'code id_token' }],
      ['for token', { response_type: 'token' }],
      ['for id_token', { response_type: 'id_token' }],
      ['for nothing', { response_type: 'none' }],
      ['without a response type', { response_type: '' }],
      ['with a challenge without its method', { code_challenge_method: '' }],
      ['to a redirect URI that is not registered', { redirect_uri: 'https://evil.example.com/' }],
      ['without a redirect URI', { redirect_uri: '' }],
      ['that names a request_uri', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }],
    ]
    for (const [what, more] of refused)
      it(`refuses a pushed request ${what}`, async () => {
        expect((await bank.push(bank.parameters(pkce(), more))).status).to.equal(400)
      })
    it('refuses a pushed request without authentication, and by PUT', async () => {
      const form = bank.parameters(pkce())
      expect((await send(replicas, { path: '/request', form })).status).to.equal(401)
      expect((await send(replicas, { path: '/request', method: 'PUT', form })).status).to.equal(405)
    })
    const errorAt = async (url: string) => {
      const page = await new Browser(replicas).follow(url)
      expect(page.location ?? '').not.to.include('code=')
      return page.location ?? page.body
    }
    it('refuses a request that was not pushed', async () => {
      expect(await errorAt(authorizationUrl(replicas.issuer, bank.parameters(pkce())))).to.include('invalid_request')
    })
    it('refuses a request_uri of another client, and one that has given a code', async () => {
      const pushed = await bank.push(bank.parameters(pkce()))
      const foreign = other.authorizationAt(String(pushed.json()['request_uri']))
      expect(await errorAt(foreign)).to.include('invalid_request_uri')
      const { requestUri } = await bank.codeFor()
      expect(await errorAt(bank.authorizationAt(requestUri))).to.include('invalid_request_uri')
    })
    it('A10 note 3: a request_uri may be opened again before the sign-in is complete, and its answer is as usual', async () => {
      const challenge = pkce()
      const pushed = await bank.push(bank.parameters(challenge))
      const url = bank.authorizationAt(String(pushed.json()['request_uri']))
      const browser = new Browser(replicas)
      for (let turn = 0; turn < 2; turn++) expect((await browser.follow(url)).body).to.contain('id="username"')
      const back = await browser.authorize(url, 'ada')
      expect(back.searchParams.get('code')).to.match(/^nr_/)
      expect(await errorAt(url)).to.include('invalid_request_uri')
    })
    it('refuses a request_uri that nobody pushed, one without its client, and one whose 60 s are over', async () => {
      expect(await errorAt(bank.authorizationAt('urn:ietf:params:oauth:request_uri:unknown'))).to.include(
        'invalid_request_uri',
      )
      const pushed = await bank.push(bank.parameters(pkce()))
      const url = bank.authorizationAt(String(pushed.json()['request_uri']))
      const nameless = new URL(url)
      nameless.searchParams.delete('client_id')
      expect(await errorAt(nameless.href)).to.include('invalid_request')
      const late = await afterSeconds(61, () => new Browser(replicas).follow(url))
      expect(late.location ?? late.body).to.include('invalid_request_uri')
      expect((await new Browser(replicas).authorize(url, 'ada')).searchParams.get('code')).to.match(/^nr_/)
    })
    it('refuses a code 61 s after it was issued, and takes it before', async () => {
      const redeemedAfter = async (count: number) => {
        const { form: code } = await bank.codeFor()
        const form = { ...code, ...(await bank.assertion({ claims: { exp: seconds() + 120 } })) }
        const headers = { dpop: await bank.proof('/token') }
        return afterSeconds(count, () => send(replicas, { path: '/token', headers, form }))
      }
      const late = await redeemedAfter(61)
      expect([late.status, late.json()['error']]).to.deep.equal([400, 'invalid_grant'])
      expect((await redeemedAfter(55)).status).to.equal(200)
    })
    it('reads no parameter that stands beside the request_uri', async () => {
      const { back, form } = await bank.codeFor({ beside: { state: 'beside', nonce: 'beside', scope: 'openid' } })
      expect(back.searchParams.get('state')).to.equal('a-state')
      expect(claimsOfJwt(String((await bank.token(form)).json()['id_token']))['nonce']).to.equal('a-nonce')
      const silent = await bank.codeFor({ more: { state: '' }, beside: { state: 'beside' } })
      expect(silent.back.searchParams.has('state')).to.equal(false)
    })
    it('redirects with 303, never with 307', async () => {
      const pushed = await bank.push(bank.parameters(pkce()))
      const answer = await new Browser(replicas).open(bank.authorizationAt(String(pushed.json()['request_uri'])))
      expect(answer.status).to.equal(303)
    })
    it('issues codes that live for 60 s', () => {
      const { AuthorizationCode } = timesToLive({ clients: {} as never, now: Date.now })
      expect(AuthorizationCode).to.equal(60)
    })
  })

  describe('5.3.2.1 codes and refresh tokens', () => {
    it('a code works once: its second use ends what the first one gave', async () => {
      const { form } = await bank.codeFor()
      const access = String((await bank.token(form)).json()['access_token'])
      expect(await bank.userinfo(access)).to.equal(200)
      expect((await bank.token(form)).json()['error']).to.equal('invalid_grant')
      expect(await bank.userinfo(access)).to.equal(401)
    })
    it('a code is for its client, and for who knows the verifier', async () => {
      const { form } = await bank.codeFor()
      expect((await other.token(form)).json()['error']).to.equal('invalid_grant')
      for (const verifier of ['', pkce().verifier]) {
        const { form: fresh } = await bank.codeFor()
        const answer = await bank.token({ ...fresh, code_verifier: verifier })
        expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_grant'])
      }
    })
    it('a refresh token stays the same, for its client alone, and ends with its grant', async () => {
      const { refresh_token: refresh } = await bank.tokens()
      const form = { grant_type: 'refresh_token', refresh_token: refresh }
      for (let turn = 0; turn < 3; turn++) {
        const answer = await bank.token(form)
        expect(answer.status, answer.body).to.equal(200)
        expect(answer.json()['refresh_token'] ?? refresh).to.equal(refresh)
      }
      expect((await other.token(form)).json()['error']).to.equal('invalid_grant')
      expect((await send(replicas, { path: '/token', form })).status).to.be.oneOf([400, 401])
      expect((await bank.token(form, { dpop: undefined })).json()['error']).to.equal('invalid_grant')
      expect((await bank.token(form)).status).to.equal(200)
      await send(replicas, { path: '/revoke', form: { token: refresh, ...(await bank.assertion()) } })
      expect((await bank.token(form)).json()['error']).to.equal('invalid_grant')
    })
    it('each use of a refresh token makes it live on, and one that is not used ends', async () => {
      const { refresh_token: refresh } = await bank.tokens()
      const form = { grant_type: 'refresh_token', refresh_token: refresh }
      const { database } = replicas.apps[0]!.store
      const soon = "UPDATE refresh_families SET expires_at = now() + interval '1 hour'"
      await database.query(statement('test-fapi-soon', soon))
      expect((await bank.token(form)).status).to.equal(200)
      const later =
        "SELECT count(*)::integer AS later FROM refresh_families WHERE expires_at > now() + interval '1 day'"
      expect((await database.query<{ later: number }>(statement('test-fapi-later', later)))[0]!.later).to.equal(1)
      await database.query(statement('test-fapi-idle', 'UPDATE refresh_families SET expires_at = now()'))
      expect((await bank.token(form)).json()['error']).to.equal('invalid_grant')
    })
  })

  describe('5.3.2.1 tokens that are bound to a key (RFC 9449)', () => {
    it('refuses a token request without a proof', async () => {
      const { form } = await bank.codeFor()
      expect((await bank.token(form, { dpop: undefined })).json()['error']).to.equal('invalid_grant')
    })
    it('5.4.1 refuses a proof that is signed with RS256 at every endpoint', async () => {
      const key = keys.RS256
      const pushed = await bank.push(bank.parameters(pkce()), { dpop: await bank.proof('/request', { key }) })
      expect(pushed.json()['error']).to.equal('invalid_dpop_proof')
      const { form } = await bank.codeFor()
      const refused = await bank.token(form, { dpop: await bank.proof('/token', { key }) })
      expect(refused.json()['error']).to.equal('invalid_dpop_proof')
      const rsa = { ...keys.PS256, alg: 'RS256', privateKey: keys.RS256.privateKey }
      const answer = await bank.token(form, { dpop: await bank.proof('/token', { key: keys.PS256 }) })
      expect(answer.status, answer.body).to.equal(200)
      const access = String(answer.json()['access_token'])
      expect(await bank.userinfo(access, { key: keys.PS256 })).to.equal(200)
      expect(await bank.userinfo(access, { key: rsa })).to.equal(401)
    })
    for (const [what, iat] of [
      ['10 s ago', -10],
      ['10 s in the future', 10],
    ] as const)
      it(`takes proofs that were made ${what}, with nbf and exp`, async () => {
        const claims = () => ({ iat: seconds() + iat, nbf: seconds(), exp: seconds() + 300 })
        const { form } = await bank.codeFor({ dpop: await bank.proof('/request', { claims: claims() }) })
        const answer = await bank.token(form, { dpop: await bank.proof('/token', { claims: claims() }) })
        expect(answer.status, answer.body).to.equal(200)
        expect(await bank.userinfo(String(answer.json()['access_token']), { claims: claims() })).to.equal(200)
      })
    it('binds the code to the key of the pushed request, by its proof or by dpop_jkt', async () => {
      const [mine, stranger] = [await keyOf('ES256'), await keyOf('ES256')]
      const byProof = async () => bank.codeFor({ dpop: await bank.proof('/request', { key: mine }) })
      const byName = async () => bank.codeFor({ more: { dpop_jkt: await calculateJwkThumbprint(mine.bare) } })
      for (const codeFor of [byProof, byName]) {
        const stolen = await bank.token((await codeFor()).form, { dpop: await bank.proof('/token', { key: stranger }) })
        expect(stolen.json()['error']).to.be.oneOf(['invalid_grant', 'invalid_dpop_proof'])
        const own = await bank.token((await codeFor()).form, { dpop: await bank.proof('/token', { key: mine }) })
        expect(own.status, own.body).to.equal(200)
      }
      const mismatch = await bank.push(bank.parameters(pkce(), { dpop_jkt: await calculateJwkThumbprint(mine.bare) }), {
        dpop: await bank.proof('/request', { key: stranger }),
      })
      expect(mismatch.status).to.equal(400)
    })
    it('takes the scheme in any case, and no token without its proof', async () => {
      const { access_token: access } = await bank.tokens()
      for (const scheme of ['DPoP', 'dpop', 'DPOP']) expect(await bank.userinfo(access, { scheme })).to.equal(200)
      const bearer = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
      expect(bearer.status).to.equal(401)
    })
    it('judges each proof at userinfo', async () => {
      const { access_token: access } = await bank.tokens()
      const wrong: readonly Parameters<Bank['userinfo']>[1][] = [
        { header: { typ: undefined } },
        { header: { typ: 'dpop+jwt+other' } },
        { header: { jwk: undefined } },
        { key: await keyOf('ES256') },
        { htm: 'PUT' },
        ...(['jti', 'htm', 'htu', 'iat', 'ath'] as const).map((name) => ({ claims: { [name]: undefined } as never })),
        { claims: { ath: 'x' } },
        { claims: { htu: 'https://other.example.com/userinfo' } },
        { claims: { iat: seconds() - 3600 } },
        { claims: { iat: seconds() + 3600 } },
      ]
      for (const about of wrong)
        expect(await bank.userinfo(access, about), JSON.stringify(about)).to.be.oneOf([400, 401])
      const { host } = new URL(replicas.issuer)
      const good: readonly Parameters<Bank['userinfo']>[1][] = [
        { claims: { htu: `${replicas.issuer}/userinfo?a=b#c` } },
        { claims: { htu: `HTTP://${host.toUpperCase()}/userinfo` } },
        { claims: { more: 'said' }, header: { more: 'said' } },
      ]
      for (const about of good) expect(await bank.userinfo(access, about), JSON.stringify(about)).to.equal(200)
      const once = { claims: { jti: 'one-time' } }
      expect(await bank.userinfo(access, once)).to.equal(200)
      expect(await bank.userinfo(access, once)).to.equal(401)
    })
  })

  it('5.3.2.2 a person who declines is led back with access_denied', async () => {
    await replicas.serve([
      fapi('app.bank', Object.values(keys), { consent: ConsentMode.EXPLICIT }),
      fapi('app.other', [otherKey]),
    ])
    const pushed = await bank.push(bank.parameters(pkce()))
    const browser = new Browser(replicas)
    let page = await browser.follow(bank.authorizationAt(String(pushed.json()['request_uri'])))
    page = await browser.submit(page, '/sign-in', { username: 'ada', password: 'correct horse battery staple' })
    page = await browser.submit(page, '/consent', { decision: 'deny' })
    const back = new URL(page.location!)
    expect(back.searchParams.get('error')).to.equal('access_denied')
    expect(back.searchParams.get('iss')).to.equal(replicas.issuer)
  })
})
