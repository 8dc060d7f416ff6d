import { expect } from 'chai'
import { decodeProtectedHeader } from 'jose'
import { basic, pkce, send } from '@nauthera/harness/browser'
import {
  claimsOfJwt,
  fetchCode,
  fetchTokens,
  introspect,
  redeem,
  refresh,
  revoke,
  tokensOf,
} from '@nauthera/harness/flows'
import { clientSecret, redirectUri } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { api, askToken, askUserinfo, openRequest, outcomeOf, startWalked } from './walked.ts'
import type { WalkRow } from './walked.ts'

// OAuth 2.0 and what was added to it, section by section: what is accepted and what is refused. Files of their own have the device
// flow (RFC 8628), DPoP (RFC 9449), request objects (RFC 9101), assertions (RFC 7523) and back-channel logout.

let replicas: ServerReplicas
const machine = basic('app.machine', clientSecret)
const offline = { scope: 'openid offline_access', prompt: 'consent' }
const exchange = (form: Record<string, string | undefined>, headers?: Record<string, string>) =>
  askToken(
    replicas,
    Object.entries(form).filter((pair): pair is [string, string] => pair[1] !== undefined),
    headers,
  )
const push = (form: Record<string, string>, headers = basic('app.web', clientSecret)) =>
  send(replicas, { path: '/request', form, headers })
const request = (more: Record<string, string> = {}) => ({
  client_id: 'app.web',
  response_type: 'code',
  redirect_uri: redirectUri,
  scope: 'openid',
  code_challenge: pkce().challenge,
  code_challenge_method: 'S256',
  ...more,
})
const spaRequest = { client_id: 'app.spa', redirect_uri: 'https://spa.example.com/callback' }
const errorOf = ({ status, json }: Awaited<ReturnType<typeof send>>) => `${status} ${String(json()['error'])}`

const standards: Readonly<Record<string, readonly WalkRow[]>> = {
  'RFC 6749 OAuth 2.0': [
    [
      '2.3.1',
      'a client id and a secret in the header are form-encoded first',
      async () => {
        const answer = await exchange({ grant_type: 'client_credentials' }, machine)
        expect(answer.status).to.equal(200)
      },
    ],
    [
      '2.3.1',
      'credentials in the query are none',
      async () => {
        const path = `/token?client_id=app.machine&client_secret=${clientSecret}`
        expect((await send(replicas, { path, form: { grant_type: 'client_credentials' } })).json()['error']).to.equal(
          'invalid_request',
        )
      },
    ],
    [
      '3.1',
      'a parameter without a value is as if it were left out, and a parameter may come once',
      async () => {
        const { browser } = await fetchCode(replicas)
        expect(outcomeOf(await openRequest(replicas, { nonce: '', max_age: '' }, browser.copy()))).to.equal('code')
        const twice = await browser.follow(
          `${replicas.issuer}/authorize?${new URLSearchParams(request()).toString()}&scope=openid`,
        )
        expect(outcomeOf(twice)).to.equal('invalid_request')
      },
    ],
    [
      '3.2',
      'the token endpoint takes POST alone, with a form',
      async () => {
        const { status, headers } = await send(replicas, { path: '/token', headers: machine })
        expect([status, headers.allow]).to.deep.equal([405, 'POST, OPTIONS'])
        const json = await send(replicas, {
          path: '/token',
          body: '{"grant_type":"client_credentials"}',
          headers: { ...machine, 'content-type': 'application/json' },
        })
        expect(errorOf(json)).to.equal('400 invalid_request')
      },
    ],
    [
      '3.3',
      'a scope that the client may not have is refused',
      async () => {
        const answer = await exchange({ grant_type: 'client_credentials', scope: 'write' }, machine)
        expect(errorOf(answer)).to.equal('400 invalid_scope')
      },
    ],
    [
      '3.3',
      'the answer says the scope that the token has',
      async () => {
        const answer = await exchange({ grant_type: 'client_credentials' }, machine)
        expect(claimsOfJwt(String(answer.json()['access_token']))['scope']).to.equal(answer.json()['scope'])
        expect((await exchange({ grant_type: 'client_credentials', scope: 'read' }, machine)).json()['scope']).to.equal(
          'read',
        )
      },
    ],
    [
      '4.1.2',
      'a code that is used a second time is refused, and ends what it gave',
      async () => {
        const code = await fetchCode(replicas)
        const { access } = tokensOf(await redeem(replicas, code))
        expect(errorOf(await redeem(replicas, code))).to.equal('400 invalid_grant')
        expect((await askUserinfo(replicas, access)).status).to.equal(401)
      },
    ],
    [
      '4.1.2.1',
      'a client that nobody knows, and an address that is not its own, get a page and no redirect',
      async () => {
        expect(outcomeOf(await openRequest(replicas, { client_id: 'app.nobody' }))).to.equal('400')
        expect(outcomeOf(await openRequest(replicas, { redirect_uri: 'https://evil.test/' }))).to.equal('400')
      },
    ],
    [
      '4.1.2.1',
      'a response type that is not served is refused at the client',
      async () => {
        for (const response_type of ['token', 'id_token', 'code token', 'none'])
          expect(outcomeOf(await openRequest(replicas, { response_type }))).to.equal('unsupported_response_type')
      },
    ],
    [
      '4.3',
      'the password grant is not there',
      async () => {
        expect(errorOf(await exchange({ grant_type: 'password', username: 'ada', password: 'x' }))).to.equal(
          '400 unsupported_grant_type',
        )
      },
    ],
    [
      '4.4',
      'client credentials are for clients that may, and give no refresh token',
      async () => {
        expect(errorOf(await exchange({ grant_type: 'client_credentials' }))).to.equal('400 unauthorized_client')
        expect((await exchange({ grant_type: 'client_credentials' }, machine)).json()).to.not.have.property(
          'refresh_token',
        )
      },
    ],
    [
      '5.1',
      'tokens are not to be kept',
      async () => {
        expect((await exchange({ grant_type: 'client_credentials' }, machine)).headers).to.include({
          'cache-control': 'no-store',
        })
      },
    ],
    [
      '5.2',
      'a wrong client in the header is 401 with a challenge, in the form as well',
      async () => {
        const header = await exchange({ grant_type: 'client_credentials' }, basic('app.machine', 'wrong'))
        expect(errorOf(header)).to.equal('401 invalid_client')
        expect(header.headers['www-authenticate']).to.match(/^Basic /)
        expect(
          errorOf(
            await exchange({ grant_type: 'client_credentials', client_id: 'app.post', client_secret: 'wrong' }, {}),
          ),
        ).to.equal('401 invalid_client')
      },
    ],
    [
      '5.2',
      'a grant type that is missing is a bad request',
      async () => expect(errorOf(await exchange({}))).to.equal('400 invalid_request'),
    ],
    [
      '6',
      'a refresh token is for its client, once, and may ask for less',
      async () => {
        const first = await fetchTokens(replicas, { parameters: { ...offline, scope: 'openid email offline_access' } })
        expect((await refresh(replicas, first.refresh, { clientId: 'app.asks' })).json()['error']).to.equal(
          'invalid_grant',
        )
        const less = await refresh(replicas, first.refresh, { form: { scope: 'openid' } })
        expect(less.json()['scope']).to.equal('openid')
        expect(errorOf(await refresh(replicas, tokensOf(less).refresh, { form: { scope: 'groups' } }))).to.equal(
          '400 invalid_scope',
        )
      },
    ],
    [
      '10.12',
      'state comes back as it was sent, whatever is in it',
      async () => {
        const { browser } = await fetchCode(replicas)
        for (const state of ['<script>', '%00', '"\'', '🦩', 'a b+c']) {
          const { location } = await openRequest(replicas, { state }, browser)
          expect(new URL(location!).searchParams.get('state')).to.equal(state)
        }
      },
    ],
  ],
  'RFC 6750 Bearer tokens': [
    [
      '2.1',
      'a token comes in the header, whatever the case of Bearer',
      async () => {
        const { access } = await fetchTokens(replicas)
        for (const scheme of ['Bearer', 'bearer', 'BEARER'])
          expect(
            (await send(replicas, { path: '/userinfo', headers: { authorization: `${scheme} ${access}` } })).status,
          ).to.equal(200)
      },
    ],
    [
      '2.2',
      'a token in header and form at once is refused',
      async () => {
        const { access } = await fetchTokens(replicas)
        const answer = await send(replicas, {
          path: '/userinfo',
          form: { access_token: access },
          headers: { authorization: `Bearer ${access}` },
        })
        expect(answer.status).to.equal(400)
      },
    ],
    [
      '2.3',
      'a token in the query is none',
      async () => {
        const { access } = await fetchTokens(replicas)
        expect((await send(replicas, { path: `/userinfo?access_token=${access}` })).status).to.equal(400)
      },
    ],
    [
      '3',
      'without a token the challenge says no error',
      async () => {
        const answer = await send(replicas, { path: '/userinfo' })
        expect(answer.status).to.equal(401)
        expect(answer.headers['www-authenticate'])
          .to.match(/^Bearer /)
          .and.not.match(/error=/)
      },
    ],
    [
      '3.1',
      'a token of a machine is not enough for userinfo',
      async () => {
        const { access_token: token } = (await exchange({ grant_type: 'client_credentials' }, machine)).json()
        expect((await askUserinfo(replicas, String(token))).status).to.equal(401)
      },
    ],
  ],
  'RFC 7009 Revocation': [
    [
      '2.1',
      'a token is revoked by its client, whatever the hint says',
      async () => {
        const { refresh: token } = await fetchTokens(replicas, { parameters: offline })
        const form = { token, token_type_hint: 'access_token' }
        expect(
          (await send(replicas, { path: '/revoke', form, headers: basic('app.web', clientSecret) })).status,
        ).to.equal(200)
        expect(errorOf(await refresh(replicas, token))).to.equal('400 invalid_grant')
      },
    ],
    [
      '2.1',
      'a token of another client stays, and who asked is told',
      async () => {
        const tokens = await fetchTokens(replicas, { parameters: offline })
        for (const token of [tokens.refresh, tokens.access])
          expect(errorOf(await revoke(replicas, token, { clientId: 'app.asks' }))).to.equal('400 invalid_grant')
        expect((await refresh(replicas, tokens.refresh)).status).to.equal(200)
      },
    ],
    [
      '2.2',
      'a token that is none is answered with 200, and a missing one with 400',
      async () => {
        expect((await revoke(replicas, 'made-up')).status).to.equal(200)
        expect(
          (await send(replicas, { path: '/revoke', form: {}, headers: basic('app.web', clientSecret) })).status,
        ).to.equal(400)
      },
    ],
    [
      '2.2.1',
      'a client that is not itself is 401',
      async () => {
        const answer = await send(replicas, {
          path: '/revoke',
          form: { token: 'x' },
          headers: basic('app.web', 'wrong'),
        })
        expect(errorOf(answer)).to.equal('401 invalid_client')
      },
    ],
  ],
  'RFC 7636 PKCE': [
    [
      '4.1',
      'a verifier that is too short or has other characters is refused',
      async () => {
        for (const code_verifier of ['x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(42)}!`])
          expect(errorOf(await redeem(replicas, await fetchCode(replicas), { form: { code_verifier } }))).to.equal(
            '400 invalid_request',
          )
      },
    ],
    [
      '4.2',
      'plain is refused, and a challenge that is no hash',
      async () => {
        expect(outcomeOf(await openRequest(replicas, { code_challenge_method: 'plain' }))).to.equal('invalid_request')
        expect(outcomeOf(await openRequest(replicas, { code_challenge_method: undefined }))).to.equal('invalid_request')
        expect(outcomeOf(await openRequest(replicas, { code_challenge: 'short' }))).to.equal('invalid_request')
      },
    ],
    [
      '4.4.1',
      'a public client without a challenge is refused',
      async () => {
        const parameters = {
          ...spaRequest,
          code_challenge: undefined,
          code_challenge_method: undefined,
          nonce: 'n'.repeat(40),
        }
        expect(outcomeOf(await openRequest(replicas, parameters))).to.equal('invalid_request')
      },
    ],
    [
      '4.6',
      'a code is not redeemed without its verifier, nor with another',
      async () => {
        for (const code_verifier of ['', pkce().verifier])
          expect(errorOf(await redeem(replicas, await fetchCode(replicas), { form: { code_verifier } }))).to.equal(
            '400 invalid_grant',
          )
      },
    ],
  ],
  'RFC 7662 Introspection': [
    [
      '2.1',
      'only a client that proves itself may ask',
      async () => {
        const { access } = await fetchTokens(replicas)
        expect((await send(replicas, { path: '/introspect', form: { token: access } })).status).to.equal(400)
        const open = await send(replicas, {
          path: '/introspect',
          form: { token: access, client_id: 'app.spa' },
        })
        expect([open.status, open.json()]).to.deep.equal([200, { active: false }])
      },
    ],
    [
      '2.2',
      'an active token is described, and nothing is said of one that is not',
      async () => {
        const { access } = await fetchTokens(replicas)
        expect((await introspect(replicas, access)).json()).to.include({
          active: true,
          client_id: 'app.web',
          iss: replicas.issuer,
          token_type: 'Bearer',
        })
        for (const token of ['made-up', 'a.b.c', ''])
          expect((await introspect(replicas, token || 'x')).json()).to.deep.equal({ active: false })
        expect((await introspect(replicas, access, { clientId: 'app.asks' })).json()).to.deep.equal({ active: false })
      },
    ],
    [
      '2.2',
      'an API may ask about the tokens that are for it',
      async () => {
        const { access_token: token } = (
          await exchange({ grant_type: 'client_credentials', scope: 'read' }, machine)
        ).json()
        expect((await introspect(replicas, String(token), { clientId: 'app.api' })).json()).to.include({
          active: true,
          scope: 'read',
          aud: api,
        })
      },
    ],
  ],
  'RFC 8252 Native applications': [
    [
      '7.1',
      'a private-use scheme is an address as any other',
      async () => {
        const parameters = { client_id: 'app.native', redirect_uri: 'com.example.app:/callback' }
        const { browser } = await fetchCode(replicas)
        expect((await openRequest(replicas, parameters, browser)).location).to.match(
          /^com\.example\.app:\/callback\?code=/,
        )
      },
    ],
    [
      '7.3',
      'any port of the loopback address, and no other host or path',
      async () => {
        const { browser } = await fetchCode(replicas)
        const outcome = async (redirect_uri: string) =>
          outcomeOf(await openRequest(replicas, { client_id: 'app.native', redirect_uri }, browser.copy()))
        expect(await outcome('http://127.0.0.1:51004/callback')).to.equal('code')
        for (const uri of [
          'http://127.0.0.1:51004/other',
          'http://127.0.0.2:51004/callback',
          'http://127.0.0.1.evil.test/callback',
          'https://127.0.0.1/callback',
        ])
          expect(await outcome(uri), uri).to.equal('400')
      },
    ],
    [
      '8.6',
      'a page asks before a native application gets a code again without anybody doing something',
      async () => {
        const parameters = { client_id: 'app.native', redirect_uri: 'com.example.app:/callback', scope: 'openid' }
        expect(outcomeOf(await openRequest(replicas, parameters))).to.equal('sign-in')
      },
    ],
  ],
  'RFC 8414 Server metadata': [
    [
      '3',
      'the document is at the address that is made from the issuer, and is that of discovery',
      async () => {
        const [oauth, openid] = await Promise.all(
          ['oauth-authorization-server', 'openid-configuration'].map((name) =>
            send(replicas, { path: `/.well-known/${name}` }),
          ),
        )
        expect(oauth!.json()).to.deep.equal(openid!.json())
      },
    ],
    [
      '2',
      'it names how clients prove themselves at each endpoint, and PKCE with S256 alone',
      async () => {
        const document = (await send(replicas, { path: '/.well-known/oauth-authorization-server' })).json()
        expect(document['code_challenge_methods_supported']).to.deep.equal(['S256'])
        for (const endpoint of ['token', 'introspection', 'revocation']) {
          expect(document[`${endpoint}_endpoint_auth_methods_supported`], endpoint).to.include.members([
            'client_secret_basic',
            'client_secret_post',
            'private_key_jwt',
            'none',
          ])
          expect(document[`${endpoint}_endpoint_auth_signing_alg_values_supported`], endpoint).to.include('ES256')
        }
      },
    ],
  ],
  'RFC 8707 Resource indicators': [
    [
      '2',
      'a resource is an API that the client may ask for, or invalid_target',
      async () => {
        const ask = async (resource: string) => exchange({ grant_type: 'client_credentials', resource }, machine)
        expect((await ask(api)).status).to.equal(200)
        for (const resource of ['https://other.example.com', 'not-a-uri', `${api}#x`, '/api'])
          expect(errorOf(await ask(resource)), resource).to.equal('400 invalid_target')
      },
    ],
    [
      '2.2',
      'a token is for the resource that was asked for, and for no other',
      async () => {
        const code = await fetchCode(replicas, {
          parameters: { client_id: 'app.reader', resource: api, scope: 'openid read' },
        })
        const { access } = tokensOf(await redeem(replicas, code, { clientId: 'app.reader', form: { resource: api } }))
        expect(claimsOfJwt(access)).to.include({ aud: api, scope: 'read' })
        expect((await askUserinfo(replicas, access)).status).to.equal(401)
      },
    ],
  ],
  'RFC 9068 JWT access tokens': [
    [
      '2.1',
      'the type in the header is at+jwt, and the algorithm is not none',
      async () => {
        const token = String((await exchange({ grant_type: 'client_credentials' }, machine)).json()['access_token'])
        expect(decodeProtectedHeader(token)).to.include({ typ: 'at+jwt', alg: 'ES256' })
      },
    ],
    [
      '2.2',
      'it has iss, exp, aud, sub, client_id, iat and jti',
      async () => {
        const claims = claimsOfJwt(
          String((await exchange({ grant_type: 'client_credentials', scope: 'read' }, machine)).json()['access_token']),
        )
        expect(claims).to.include({
          iss: replicas.issuer,
          aud: api,
          sub: 'app.machine',
          client_id: 'app.machine',
          scope: 'read',
        })
        for (const name of ['exp', 'iat', 'jti']) expect(claims, name).to.have.property(name)
      },
    ],
    [
      '4',
      'an ID token is not taken for an access token',
      async () => {
        const { id } = await fetchTokens(replicas)
        expect((await askUserinfo(replicas, id)).status).to.equal(401)
        expect((await introspect(replicas, id)).json()).to.deep.equal({ active: false })
      },
    ],
  ],
  'RFC 9126 Pushed requests': [
    [
      '2.1',
      'a request_uri inside is refused, and a client that is not itself',
      async () => {
        expect(errorOf(await push(request({ request_uri: 'urn:x' })))).to.equal('400 invalid_request')
        expect(errorOf(await push(request(), basic('app.web', 'wrong')))).to.equal('401 invalid_client')
      },
    ],
    [
      '2.2',
      'the answer is 201 with a request_uri for this client, and its seconds',
      async () => {
        const answer = await push(request())
        expect(answer.status).to.equal(201)
        expect(answer.json()['expires_in']).to.be.a('number').that.is.within(5, 600)
        expect(answer.json()['request_uri']).to.match(/^urn:ietf:params:oauth:request_uri:/)
      },
    ],
    [
      '2.3',
      'a bad request is refused when it is pushed',
      async () => {
        expect(errorOf(await push(request({ redirect_uri: 'https://evil.test/' })))).to.equal('400 invalid_request')
        expect(errorOf(await push(request({ response_type: 'token' })))).to.equal('400 unsupported_response_type')
      },
    ],
    [
      '4',
      'a pushed request is used once, by the client that pushed it',
      async () => {
        const { browser } = await fetchCode(replicas)
        const { request_uri: uri } = (await push(request())).json() as Record<string, string>
        const open = (client_id: string) =>
          browser
            .copy()
            .follow(`${replicas.issuer}/authorize?${new URLSearchParams({ client_id, request_uri: uri! }).toString()}`)
        expect(outcomeOf(await open('app.asks'))).to.equal('400')
        expect(outcomeOf(await open('app.web'))).to.equal('code')
        expect(outcomeOf(await open('app.web'))).to.not.equal('code')
      },
    ],
  ],
  'RFC 9207 Issuer identification': [
    [
      '2',
      'iss stands in answers and in errors, in every response mode',
      async () => {
        const { browser } = await fetchCode(replicas)
        for (const response_mode of ['query', 'fragment']) {
          for (const prompt of ['none', 'none login']) {
            const { location } = await openRequest(replicas, { response_mode, prompt }, browser.copy())
            const { search, hash } = new URL(location!)
            expect(
              new URLSearchParams(search.slice(1) || hash.slice(1)).get('iss'),
              `${response_mode} ${prompt}`,
            ).to.equal(replicas.issuer)
          }
        }
        const page = await openRequest(replicas, { response_mode: 'form_post' }, browser.copy())
        expect(page.body).to.match(new RegExp(`name="iss" value="${replicas.issuer}"`))
      },
    ],
  ],
  'RFC 9470 Step-up': [
    [
      '4',
      'acr_values and max_age ask for a better or a newer sign-in',
      async () => {
        const { browser } = await fetchCode(replicas)
        expect(outcomeOf(await openRequest(replicas, { max_age: '0', prompt: 'none' }, browser.copy()))).to.equal(
          'login_required',
        )
      },
    ],
    [
      '6.2',
      'introspection says acr and auth_time of the sign-in',
      async () => {
        const { access } = await fetchTokens(replicas)
        const said = (await introspect(replicas, access)).json()
        expect(said['acr']).to.equal('urn:nauthera:password')
        expect(said['auth_time']).to.be.a('number')
      },
    ],
  ],
  'RFC 9700 Security best current practice': [
    [
      '2.1',
      'an address is compared character by character',
      async () => {
        expect(outcomeOf(await openRequest(replicas, { redirect_uri: `${redirectUri}/` }))).to.equal('400')
      },
    ],
    [
      '2.1.2',
      'no access token comes from the authorization endpoint',
      async () => {
        expect(outcomeOf(await openRequest(replicas, { response_type: 'code id_token' }))).to.equal(
          'unsupported_response_type',
        )
      },
    ],
    [
      '2.2.2',
      'the refresh token of a public client is used once: a second use ends the family',
      async () => {
        const code = await fetchCode(replicas, { parameters: { client_id: 'app.asks', ...offline } })
        const first = tokensOf(await redeem(replicas, code, { clientId: 'app.asks' }))
        const second = tokensOf(await refresh(replicas, first.refresh, { clientId: 'app.asks' }))
        const third = tokensOf(await refresh(replicas, second.refresh, { clientId: 'app.asks' }))
        expect(errorOf(await refresh(replicas, first.refresh, { clientId: 'app.asks' }))).to.equal('400 invalid_grant')
        expect(errorOf(await refresh(replicas, third.refresh, { clientId: 'app.asks' }))).to.equal('400 invalid_grant')
      },
    ],
    [
      '4.11',
      'a redirect after a form is 303, so that no password is sent on',
      async () => {
        const answer = await send(replicas, { path: '/authorize', form: request() })
        expect(answer.status).to.equal(303)
      },
    ],
    [
      '4.16',
      'no page of the authorization endpoint stands in a frame, and none tells its address to others',
      async () => {
        const { headers } = await openRequest(replicas, {})
        expect(headers['content-security-policy']).to.contain("frame-ancestors 'none'")
        expect(headers['referrer-policy']).to.equal('same-origin')
      },
    ],
  ],
}

describe('OAuth 2.0, section by section', () => {
  before(async () => {
    replicas = await startWalked()
  })
  after(() => replicas.stop())
  for (const [standard, rows] of Object.entries(standards))
    describe(`${standard}, section`, () => {
      for (const [section, sentence, show] of rows) it(`${section} ${sentence}`, show)
    })
})
