import { createHash, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { JWK } from 'jose'
import * as client from 'openid-client'
import { Browser, basic, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, fetchTokens, introspect, request } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

// Tokens that only the holder of a key can use (RFC 9449). openid-client makes the valid proofs, this file the
// invalid ones.

describe('RFC 9449 DPoP', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({ count: 2 })
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.bound', { ...configs.web, dpopBoundAccessTokens: true }),
      entry('app.spa', configs.spa),
      entry('app.machine', configs.machine),
      entry('app.opaque', { ...configs.machine, audiences: [] }),
    ])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  const discover = (
    clientId: string,
    authentication = client.ClientSecretBasic(clientSecret),
    metadata?: Partial<client.ClientMetadata>,
  ) =>
    client.discovery(new URL(replicas.issuer), clientId, metadata, authentication, {
      execute: [client.allowInsecureRequests],
    })

  /** A key that makes valid proofs, or invalid ones by `head` and `body`. */
  async function holder(algorithm = 'ES256') {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
    const jwk = await exportJWK(publicKey)
    return {
      jwk,
      privateJwk: await exportJWK(privateKey),
      thumbprint: await calculateJwkThumbprint(jwk),
      proof: ({ head = {}, body = {} }: { head?: object; body?: object } = {}) =>
        new SignJWT({
          htm: 'POST',
          htu: `${replicas.issuer}/token`,
          iat: Math.floor(Date.now() / 1000),
          jti: randomUUID(),
          ...body,
        })
          .setProtectedHeader({ alg: algorithm, typ: 'dpop+jwt', jwk, ...head })
          .sign(privateKey, { crit: { x: true } }),
    }
  }
  const machine = (headers: Record<string, string>, options: { clientId?: string; replica?: number } = {}) =>
    send(replicas, {
      replica: options.replica ?? 0,
      path: '/token',
      form: { grant_type: 'client_credentials' },
      headers: { ...basic(options.clientId ?? 'app.machine', clientSecret), ...headers },
    })
  const hashOf = (token: string) => createHash('sha256').update(token).digest('base64url')

  for (const [clientId, authentication] of [
    ['app.web', client.ClientSecretBasic(clientSecret)],
    ['app.bound', client.ClientSecretBasic(clientSecret)],
    ['app.spa', client.None()],
  ] as const) {
    it(`openid-client: ${clientId} gets bound tokens for a code and a refresh, and uses them at userinfo`, async () => {
      const config = await discover(clientId, authentication)
      const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
      const thumbprint = await DPoP.calculateThumbprint()
      const verifier = client.randomPKCECodeVerifier()
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: clientId === 'app.spa' ? 'https://spa.example.com/callback' : redirectUri,
        scope: 'openid email',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        // the code is bound to the key, too (section 10)
        dpop_jkt: thumbprint,
      })
      const back = await new Browser(replicas).authorize(url.href, 'ada')
      const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier }, undefined, {
        DPoP,
      })
      expect(tokens.token_type).to.equal('dpop')
      const { sub } = tokens.claims()!
      expect((await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })).email).to.equal('ada@example.com')
      const next = await client.refreshTokenGrant(config, tokens.refresh_token!, undefined, { DPoP })
      expect(next.token_type).to.equal('dpop')
      expect((await client.fetchUserInfo(config, next.access_token, sub, { DPoP })).sub).to.equal(sub)
      if (clientId === 'app.spa') return
      const looked = await client.tokenIntrospection(config, next.access_token)
      expect(looked).to.deep.include({ active: true, token_type: 'DPoP', cnf: { jkt: thumbprint } })
    })
  }

  for (const clientId of ['app.machine', 'app.opaque']) {
    it(`openid-client: ${clientId} gets a bound token for its own credentials`, async () => {
      const config = await discover(clientId)
      const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
      const tokens = await client.clientCredentialsGrant(config, {}, { DPoP })
      expect(tokens.token_type).to.equal('dpop')
      const cnf = { jkt: await DPoP.calculateThumbprint() }
      if (clientId === 'app.machine') expect(claimsOfJwt(tokens.access_token)['cnf']).to.deep.equal(cnf)
      else expect((await introspect(replicas, tokens.access_token, { clientId })).json()['cnf']).to.deep.equal(cnf)
    })
  }

  for (const algorithm of ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519']) {
    it(`accepts a proof that is signed with ${algorithm}`, async () => {
      const dpop = await (await holder(algorithm)).proof()
      expect((await machine({ dpop })).json()['token_type']).to.equal('DPoP')
    })
  }

  const now = () => Math.floor(Date.now() / 1000)
  const at = (path: string) => `${replicas.issuer}${path}`
  /** With the exponent 1 a signature is the padded hash itself (RFC 8017 section 9.2). */
  const forged = (e: string) => {
    const jwk = { kty: 'RSA', n: Buffer.alloc(256, 0xff).toString('base64url'), e }
    const body = { htm: 'POST', htu: at('/token'), iat: now(), jti: randomUUID() }
    const text = [{ alg: 'RS256', typ: 'dpop+jwt', jwk }, body]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    const hash = `3031300d060960864801650304020105000420${createHash('sha256').update(text).digest('hex')}`
    const padded = `0001${'ff'.repeat(253 - hash.length / 2)}00${hash}`
    return `${text}.${Buffer.from(padded, 'hex').toString('base64url')}`
  }
  const withHead = (jwt: string, head: object) =>
    [Buffer.from(JSON.stringify(head)).toString('base64url'), ...jwt.split('.').slice(1)].join('.')
  type Holder = Awaited<ReturnType<typeof holder>>
  const wrong: [sentence: string, proof: (own: Holder) => Promise<string>][] = [
    ['text that is not a JWT', () => Promise.resolve('proof')],
    ['a proof for another method', (own) => own.proof({ body: { htm: 'GET' } })],
    ['a proof for another path', (own) => own.proof({ body: { htu: `${replicas.issuer}/userinfo` } })],
    ['a proof for the same method in lower case', (own) => own.proof({ body: { htm: 'post' } })],
    ['a proof without htm', (own) => own.proof({ body: { htm: undefined } })],
    ['a proof for the same path with a slash at its end', (own) => own.proof({ body: { htu: at('/token/') } })],
    ['a proof for the same path in capitals', (own) => own.proof({ body: { htu: at('/TOKEN') } })],
    [
      'a proof for the same address over https',
      (own) => own.proof({ body: { htu: at('/token').replace('http:', 'https:') } }),
    ],
    ['a proof for another port', (own) => own.proof({ body: { htu: 'http://localhost:1/token' } })],
    ['a proof for a path without a host', (own) => own.proof({ body: { htu: '/token' } })],
    ['a proof with a list of addresses', (own) => own.proof({ body: { htu: [at('/token')] } })],
    ['a proof for another host', (own) => own.proof({ body: { htu: 'https://other.test/token' } })],
    ['a proof without htu', (own) => own.proof({ body: { htu: undefined } })],
    ['a proof without jti', (own) => own.proof({ body: { jti: undefined } })],
    ['a proof with an empty jti', (own) => own.proof({ body: { jti: '' } })],
    ['a proof whose jti is a number', (own) => own.proof({ body: { jti: 1 } })],
    ['a proof whose iat is a text', (own) => own.proof({ body: { iat: String(now()) } })],
    ['a proof that has expired', (own) => own.proof({ body: { exp: now() - 1 } })],
    ['a proof that is not valid yet', (own) => own.proof({ body: { nbf: now() + 60 } })],
    ['a proof whose nonce is a number', (own) => own.proof({ body: { nonce: 1 } })],
    ['a proof without iat', (own) => own.proof({ body: { iat: undefined } })],
    ['a proof with another typ', (own) => own.proof({ head: { typ: 'jwt' } })],
    ['a proof without typ', (own) => own.proof({ head: { typ: undefined } })],
    ['a proof with a header that it says must be understood', (own) => own.proof({ head: { crit: ['x'], x: 1 } })],
    [
      'a proof with a certificate in the place of its key',
      (own) => own.proof({ head: { jwk: undefined, x5c: ['AA'] } }),
    ],
    ['a proof whose key is a text', (own) => own.proof({ head: { jwk: JSON.stringify(own.jwk) } })],
    ['a proof with half a key', (own) => own.proof({ head: { jwk: { ...own.jwk, y: undefined } } })],
    ['a proof that names no algorithm', async (own) => withHead(await own.proof(), { typ: 'dpop+jwt', jwk: own.jwk })],
    [
      'a proof that names another algorithm than that of its key',
      async (own) => withHead(await own.proof(), { alg: 'PS256', typ: 'dpop+jwt', jwk: own.jwk }),
    ],
    [
      'a proof that is signed with ES384, which the metadata does not list',
      async () => (await holder('ES384')).proof(),
    ],
    ['a proof without its last part', async (own) => (await own.proof()).split('.').slice(0, 2).join('.')],
    ['a proof that is encrypted in form', () => Promise.resolve('e30.e30.e30.e30.e30')],
    ['a proof without its key', (own) => own.proof({ head: { jwk: undefined } })],
    ['a proof with the key of somebody else', async (own) => own.proof({ head: { jwk: (await holder()).jwk } })],
    ['a proof with a private key', (own) => own.proof({ head: { jwk: own.privateJwk } })],
    [
      'a proof signed with HS256 and the key that it carries',
      () =>
        new SignJWT({ htm: 'POST', htu: `${replicas.issuer}/token`, iat: now(), jti: randomUUID() })
          .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'c2VjcmV0' } as JWK })
          .sign(Buffer.from('c2VjcmV0'.repeat(8), 'base64')),
    ],
    [
      'a proof without a signature (alg none)',
      async (own) => {
        const [, body] = (await own.proof()).split('.')
        const head = Buffer.from(JSON.stringify({ alg: 'none', typ: 'dpop+jwt', jwk: own.jwk })).toString('base64url')
        return `${head}.${body}.`
      },
    ],
    ['a proof whose signature was changed', async (own) => (await own.proof()).replace(/.{6}$/, 'AAAAAA')],
    ['a proof of an RSA key with which anybody can sign', () => Promise.resolve(forged('AQ'))],
    ['two proofs in one header', async (own) => `${await own.proof()}, ${await own.proof()}`],
  ]
  for (const [sentence, make] of wrong) {
    it(`refuses ${sentence}, and accepts a valid proof`, async () => {
      const own = await holder()
      const answer = await machine({ dpop: await make(own) })
      expect([answer.status, answer.json()['error']], answer.body).to.deep.equal([400, 'invalid_dpop_proof'])
      expect(answer.headers).to.not.have.property('dpop-nonce')
      expect((await machine({ dpop: await own.proof() })).status).to.equal(200)
    })
  }

  describe('section 8: a program whose clock is wrong', () => {
    const late: [sentence: string, body: () => object][] = [
      ['from 310 s ago', () => ({ iat: now() - 310 })],
      ['from 310 s in the future', () => ({ iat: now() + 310 })],
      ['from an hour ago', () => ({ iat: now() - 3600 })],
      ['from an hour in the future', () => ({ iat: now() + 3600 })],
      ['with a nonce of another server', () => ({ nonce: 'of-another-server' })],
    ]
    for (const [sentence, body] of late)
      it(`is told a nonce for a proof ${sentence}, and gets its token with that, at any replica, once`, async () => {
        const own = await holder()
        const refused = await machine({ dpop: await own.proof({ body: body() }) })
        expect([refused.status, refused.json()['error']]).to.deep.equal([400, 'use_dpop_nonce'])
        const nonce = String(refused.headers['dpop-nonce'])
        const dpop = await own.proof({ body: { ...body(), nonce } })
        expect((await machine({ dpop }, { replica: 1 })).json()['token_type']).to.equal('DPoP')
        const again = await machine({ dpop })
        expect([again.status, again.json()['error']]).to.deep.equal([400, 'invalid_dpop_proof'])
      })

    it('openid-client and oauth4webapi do so by themselves, at the token endpoint, userinfo and for a pushed request', async () => {
      const clock = { [client.clockSkew]: -3600, [client.clockTolerance]: 7200 }
      const config = await discover('app.bound', client.ClientSecretBasic(clientSecret), clock)
      const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
      const proof = pkce()
      const parameters = {
        redirect_uri: redirectUri,
        scope: 'openid email',
        code_challenge: proof.challenge,
        code_challenge_method: 'S256',
      }
      const url = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
      const back = await new Browser(replicas).authorize(url.href, 'ada')
      const tokens = await client.authorizationCodeGrant(
        config,
        back,
        { pkceCodeVerifier: proof.verifier },
        undefined,
        { DPoP },
      )
      const me = await client.fetchUserInfo(config, tokens.access_token, tokens.claims()!.sub, { DPoP })
      expect(me.email).to.equal('ada@example.com')
    })

    it('nobody else is told one', async () => {
      const own = await holder()
      const good = await machine({ dpop: await own.proof() })
      expect([good.status, 'dpop-nonce' in good.headers]).to.deep.equal([200, false])
    })
  })

  it('refuses two proofs in two headers', async () => {
    const own = await holder()
    const dpop = [await own.proof(), await own.proof()] as unknown as string
    const answer = await machine({ dpop })
    expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_dpop_proof'])
  })

  const right: [sentence: string, proof: { head?: object; body?: () => object }][] = [
    ['whose address has a query and a fragment', { body: () => ({ htu: at('/token?a=b#c') }) }],
    [
      'whose scheme and host are in capitals',
      { body: () => ({ htu: at('/token').replace(/^http:..localhost/, 'HTTP://LOCALHOST') }) },
    ],
    ['from 290 s ago', { body: () => ({ iat: now() - 290 }) }],
    ['from 290 s in the future', { body: () => ({ iat: now() + 290 }) }],
    ['with claims and headers that nobody asked for', { head: { more: 1 }, body: () => ({ more: 1 }) }],
  ]
  for (const [sentence, { head = {}, body }] of right)
    it(`accepts a proof ${sentence}`, async () => {
      const answer = await machine({ dpop: await (await holder()).proof({ head, body: body?.() ?? {} }) })
      expect(answer.json()['token_type'], answer.body).to.equal('DPoP')
    })

  it('the metadata lists the algorithms that proofs may be signed with', async () => {
    const metadata = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
    const listed = metadata['dpop_signing_alg_values_supported'] as readonly string[]
    expect(listed).to.include.members(['ES256', 'PS256', 'EdDSA']).and.not.include.members(['none'])
    expect(listed.filter((alg) => alg.startsWith('HS'))).to.deep.equal([])
  })

  it('a pushed request may name its key by a proof or by dpop_jkt, and not two keys', async () => {
    const own = await holder()
    const push = async (more: Record<string, string>, key: Holder) =>
      send(replicas, {
        path: '/request',
        headers: { ...basic('app.web', clientSecret), dpop: await key.proof({ body: { htu: at('/request') } }) },
        form: { ...request(pkce()), ...more },
      })
    expect((await push({}, own)).status).to.equal(201)
    expect((await push({ dpop_jkt: own.thumbprint }, own)).status).to.equal(201)
    const mismatch = await push({ dpop_jkt: own.thumbprint }, await holder())
    expect([mismatch.status, mismatch.json()['error']]).to.deep.equal([400, 'invalid_request'])
  })

  it('T11 accepts a proof once: of 10 parallel uses on two replicas one succeeds', async () => {
    const own = await holder()
    const dpop = await own.proof()
    const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => machine({ dpop }, { replica: n % 2 })))
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1)
    const refused = answers.filter(({ status }) => status === 400).map((answer) => answer.json()['error'])
    expect(refused).to.deep.equal(Array(9).fill('invalid_dpop_proof'))
    expect((await machine({ dpop }, { replica: 1 })).status).to.equal(400)
    expect((await machine({ dpop: await own.proof() }, { replica: 1 })).status).to.equal(200)
  })

  const redeemed = async (
    clientId: string,
    parameters: Record<string, string>,
    headers: Record<string, string>,
  ): Promise<[status: number, error: unknown]> => {
    const code = await fetchCode(replicas, { parameters: { client_id: clientId, ...parameters } })
    const answer = await send(replicas, {
      path: '/token',
      headers: { ...basic(clientId, clientSecret), ...headers },
      form: {
        grant_type: 'authorization_code',
        code: code.value,
        redirect_uri: redirectUri,
        code_verifier: code.proof.verifier,
      },
    })
    return [answer.status, answer.json()['error']]
  }

  it('a client that must bind its tokens gets none without a proof', async () => {
    expect(await redeemed('app.bound', {}, {})).to.deep.equal([400, 'invalid_grant'])
    expect(await redeemed('app.bound', {}, { dpop: await (await holder()).proof() })).to.deep.equal([200, undefined])
  })

  it('a code that was requested with dpop_jkt is redeemed only with that key', async () => {
    const own = await holder()
    const asked = { dpop_jkt: own.thumbprint }
    expect(await redeemed('app.web', asked, {})).to.deep.equal([400, 'invalid_grant'])
    const stolen = { dpop: await (await holder()).proof() }
    expect(await redeemed('app.web', asked, stolen)).to.deep.equal([400, 'invalid_grant'])
    expect(await redeemed('app.web', asked, { dpop: await own.proof() })).to.deep.equal([200, undefined])
  })

  describe('a stolen token', () => {
    let own: Holder
    let access: string
    let refreshToken: string
    before(async () => {
      own = await holder()
      const redirect = 'https://spa.example.com/callback'
      const parameters = { client_id: 'app.spa', redirect_uri: redirect }
      const code = await fetchCode(replicas, { parameters })
      const answer = await send(replicas, {
        path: '/token',
        headers: { dpop: await own.proof() },
        form: {
          grant_type: 'authorization_code',
          client_id: 'app.spa',
          code: code.value,
          redirect_uri: redirect,
          code_verifier: code.proof.verifier,
        },
      })
      expect(answer.status, answer.body).to.equal(200)
      access = String(answer.json()['access_token'])
      refreshToken = String(answer.json()['refresh_token'])
    })

    const me = (headers: Record<string, string>) => send(replicas, { path: '/userinfo', headers })
    const atMe = (one: Holder, body: object = {}) =>
      one.proof({ body: { htm: 'GET', htu: `${replicas.issuer}/userinfo`, ath: hashOf(access), ...body } })
    const uses: [sentence: string, headers: () => Promise<Record<string, string>>, status: number][] = [
      ['as a bearer token', () => Promise.resolve({ authorization: `Bearer ${access}` }), 401],
      ['without a proof', () => Promise.resolve({ authorization: `DPoP ${access}` }), 400],
      [
        'with a proof of another key',
        async () => ({ authorization: `DPoP ${access}`, dpop: await atMe(await holder()) }),
        401,
      ],
      [
        'with a proof for another token',
        async () => ({ authorization: `DPoP ${access}`, dpop: await atMe(own, { ath: hashOf('x') }) }),
        401,
      ],
      [
        'with a proof for no token',
        async () => ({ authorization: `DPoP ${access}`, dpop: await atMe(own, { ath: undefined }) }),
        401,
      ],
      [
        'with a proof that was made for the token endpoint',
        async () => ({
          authorization: `DPoP ${access}`,
          dpop: await own.proof({ body: { ath: hashOf(access) } }),
        }),
        401,
      ],
    ]
    for (const [sentence, headers, status] of uses) {
      it(`is refused ${sentence}`, async () => {
        const answer = await me(await headers())
        expect(answer.status, answer.body).to.equal(status)
        expect(answer.body).not.to.contain('"sub"')
        expect((await me({ authorization: `DPoP ${access}`, dpop: await atMe(own) })).status).to.equal(200)
      })
    }

    it('the refusal says by which scheme and algorithms it is of use', async () => {
      const answer = await me({ authorization: `Bearer ${access}` })
      const challenge = String(answer.headers['www-authenticate'])
      expect(challenge)
        .to.match(/^DPoP /)
        .and.contain('error="invalid_token"')
        .and.match(/algs="[^"]*ES256/)
      const stolen = await me({ authorization: `DPoP ${access}`, dpop: await atMe(await holder()) })
      expect(String(stolen.headers['www-authenticate']))
        .to.match(/^DPoP /)
        .and.contain('error="invalid_token"')
    })

    it('a token that is bound to no key is none for the scheme DPoP, with a proof or without', async () => {
      const { access: plain } = await fetchTokens(replicas)
      const dpop = await own.proof({ body: { htm: 'GET', htu: at('/userinfo'), ath: hashOf(plain) } })
      const answers = [await me({ authorization: `DPoP ${plain}`, dpop }), await me({ authorization: `DPoP ${plain}` })]
      expect(answers.map(({ status }) => status)).to.deep.equal([401, 400])
      expect((await me({ authorization: `Bearer ${plain}` })).status).to.equal(200)
    })

    it('T11 is refused with a proof that was used on another replica', async () => {
      const headers = { authorization: `DPoP ${access}`, dpop: await atMe(own) }
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => send(replicas, { replica: n % 2, path: '/userinfo', headers })),
      )
      expect(answers.filter(({ status }) => status === 200)).to.have.length(1)
      expect(answers.filter(({ status }) => status === 401)).to.have.length(9)
    })

    it('a refresh token of a public client is refused without its key, and still works with it afterwards', async () => {
      const form = { grant_type: 'refresh_token', client_id: 'app.spa', refresh_token: refreshToken }
      const ask = (headers: Record<string, string>) => send(replicas, { path: '/token', form, headers })
      expect((await ask({})).status).to.equal(400)
      const stolen = await ask({ dpop: await (await holder()).proof() })
      expect([stolen.status, stolen.json()['error']]).to.deep.equal([400, 'invalid_grant'])
      expect((await ask({ dpop: await own.proof() })).status).to.equal(200)
    })
  })
})
