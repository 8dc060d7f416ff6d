import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { compactDecrypt, createLocalJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import type { JSONWebKeySet } from 'jose'
import * as client from 'openid-client'
import { Browser, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, fetchTokens, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { clientSecret, configs, entry } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { localesDirectory } from '../../../src/files.ts'
import { languagesIn } from '../../../src/http/branding/languages.ts'
import { askToken, askUserinfo, openRequest, outcomeOf, startWalked } from './walked.ts'
import type { WalkRow } from './walked.ts'

// OpenID Connect Core 1.0 and Discovery 1.0, section by section: what is accepted and what is refused. prompts.integration has 3.1.2.1
// for every combination of prompt, max_age and hint.

let replicas: ServerReplicas
const sealed = await generateKeyPair('RSA-OAEP-256')
const asking = (claims: object, more: Record<string, string> = {}) => ({
  scope: 'openid',
  claims: JSON.stringify(claims),
  ...more,
})
const idTokenFor = async (parameters: Record<string, string>) =>
  claimsOfJwt((await fetchTokens(replicas, { parameters })).id)
const userinfoFor = async (parameters: Record<string, string>) =>
  (await askUserinfo(replicas, (await fetchTokens(replicas, { parameters })).access)).json()
const metadata = async () => (await send(replicas, { path: '/.well-known/openid-configuration' })).json()

const core: readonly WalkRow[] = [
  [
    '2',
    'an ID token has iss, sub, aud, exp, iat, and says when and how the person signed in',
    async () => {
      const before = Math.floor(Date.now() / 1000)
      const claims = await idTokenFor({ nonce: 'a-nonce', max_age: '600' })
      expect(claims).to.include({
        iss: replicas.issuer,
        aud: 'app.web',
        nonce: 'a-nonce',
        acr: 'urn:nauthera:password',
      })
      expect(claims['amr']).to.deep.equal(['pwd'])
      for (const name of ['iat', 'exp', 'auth_time'])
        expect(claims[name], name)
          .to.be.a('number')
          .that.is.at.least(before - 1)
      expect(String(claims['sub']).length).to.be.within(1, 255)
    },
  ],
  [
    '2',
    'an ID token has no nonce that was not sent',
    async () => expect(await idTokenFor({})).to.not.have.property('nonce'),
  ],
  [
    '3.1.2.1',
    'a request without openid is one of OAuth alone: no ID token, and no userinfo',
    async () => {
      const code = await fetchCode(replicas, { parameters: { scope: 'email' } })
      const tokens = (await redeem(replicas, code)).json()
      expect(tokens).to.not.have.property('id_token')
      expect((await askUserinfo(replicas, String(tokens['access_token']))).status).to.equal(403)
    },
  ],
  [
    '3.1.2.2',
    'response_type and client_id are required, and redirect_uri',
    async () => {
      expect(outcomeOf(await openRequest(replicas, { response_type: undefined }))).to.equal('invalid_request')
      expect(outcomeOf(await openRequest(replicas, { client_id: undefined }))).to.equal('400')
      expect(outcomeOf(await openRequest(replicas, { redirect_uri: undefined }))).to.equal('400')
    },
  ],
  [
    '3.1.2.2',
    'a parameter that nobody knows is ignored',
    async () => {
      const { browser } = await fetchCode(replicas)
      expect(outcomeOf(await openRequest(replicas, { of_the_future: 'x' }, browser))).to.equal('code')
    },
  ],
  [
    '3.1.2.5',
    'the answer has code, state and iss, and nothing else',
    async () => {
      const { back } = await fetchCode(replicas, { parameters: { state: 'ü &=?' } })
      expect([...back.searchParams.keys()].toSorted()).to.deep.equal(['code', 'iss', 'state'])
      expect(back.searchParams.get('state')).to.equal('ü &=?')
    },
  ],
  [
    '3.1.2.6',
    'an error goes to the redirect URI, with state and iss',
    async () => {
      const page = await openRequest(replicas, { prompt: 'none', state: 's' })
      const { searchParams } = new URL(page.location!)
      expect(Object.fromEntries(searchParams)).to.include({ error: 'login_required', state: 's', iss: replicas.issuer })
    },
  ],
  [
    '3.1.2.6',
    'request_uri and registration are not supported, and say so',
    async () => {
      expect(outcomeOf(await openRequest(replicas, { request_uri: 'https://app.example.com/r' }))).to.equal(
        'request_uri_not_supported',
      )
      expect(outcomeOf(await openRequest(replicas, { registration: '{}' }))).to.equal('registration_not_supported')
    },
  ],
  [
    '3.1.3.2',
    'a code is for its client and its redirect URI',
    async () => {
      const other = await redeem(replicas, await fetchCode(replicas), { clientId: 'app.asks' })
      expect([other.status, other.json()['error']]).to.deep.equal([400, 'invalid_grant'])
      const elsewhere = await redeem(replicas, await fetchCode(replicas), {
        form: { redirect_uri: 'https://app.example.com/other' },
      })
      expect([elsewhere.status, elsewhere.json()['error']]).to.deep.equal([400, 'invalid_grant'])
    },
  ],
  [
    '3.1.3.3',
    'tokens come as JSON that nobody keeps',
    async () => {
      const answer = await redeem(replicas, await fetchCode(replicas))
      expect(answer.headers).to.include({ 'cache-control': 'no-store' })
      expect(answer.headers['content-type']).to.match(/^application\/json/)
      expect(answer.json()).to.include({ token_type: 'Bearer' })
      expect(answer.json()).to.have.property('expires_in').that.is.a('number')
    },
  ],
  [
    '3.1.3.6',
    'at_hash is the left half of the hash of the access token',
    async () => {
      const { id, access } = await fetchTokens(replicas)
      const hash = createHash('sha256').update(access).digest().subarray(0, 16)
      expect(claimsOfJwt(id)['at_hash']).to.equal(hash.toString('base64url'))
    },
  ],
  [
    '3.1.3.7',
    'an ID token is signed by a key of the JWKS that its header names',
    async () => {
      const { id } = await fetchTokens(replicas)
      const jwks = createLocalJWKSet((await send(replicas, { path: '/jwks' })).json() as unknown as JSONWebKeySet)
      await jwtVerify(id, jwks, { issuer: replicas.issuer, audience: 'app.web' })
      expect(decodeProtectedHeader(id).kid).to.be.a('string')
    },
  ],
  [
    '5.1',
    'each claim has the type of the standard',
    async () => {
      const claims = await userinfoFor({ scope: 'openid profile email' })
      expect(claims).to.include({ email: 'ada@example.com', email_verified: true, preferred_username: 'ada' })
      expect(claims['updated_at']).to.be.a('number')
      for (const value of Object.values(claims)) expect(value).to.not.equal(null).and.not.equal('')
    },
  ],
  [
    '5.3.1',
    'userinfo is asked by GET, by POST with the header, and by POST with the token in the form',
    async () => {
      const { access } = await fetchTokens(replicas)
      const bearer = { authorization: `Bearer ${access}` }
      for (const asked of [
        { headers: bearer },
        { headers: bearer, method: 'POST' },
        { form: { access_token: access } },
      ])
        expect((await send(replicas, { path: '/userinfo', ...asked })).status).to.equal(200)
    },
  ],
  [
    '5.3.2',
    'the sub of userinfo is that of the ID token',
    async () => {
      const { access, id } = await fetchTokens(replicas)
      expect((await askUserinfo(replicas, access)).json()['sub']).to.equal(claimsOfJwt(id)['sub'])
    },
  ],
  [
    '5.3.2',
    'userinfo is signed and then encrypted for a client that wants it so, and says for whom it is',
    async () => {
      const { access } = await fetchTokens(replicas, {
        parameters: { client_id: 'app.sealed' },
        clientId: 'app.sealed',
      })
      const answer = await askUserinfo(replicas, access)
      expect(answer.headers['content-type']).to.match(/^application\/jwt/)
      expect(decodeProtectedHeader(answer.body)).to.deep.include({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT' })
      const { plaintext } = await compactDecrypt(answer.body, sealed.privateKey)
      const keys = (await send(replicas, { path: '/jwks' })).json() as unknown as JSONWebKeySet
      const { issuer } = replicas
      const signed = new TextDecoder().decode(plaintext)
      const { payload } = await jwtVerify(signed, createLocalJWKSet(keys), { issuer, audience: 'app.sealed' })
      expect(payload).to.include({ email: 'ada@example.com' })
    },
  ],
  [
    '5.3.3',
    'a userinfo request without a good token is told why in WWW-Authenticate',
    async () => {
      const answer = await askUserinfo(replicas, 'made-up')
      expect(answer.status).to.equal(401)
      expect(answer.headers['www-authenticate']).to.match(/^Bearer .*error="invalid_token"/)
    },
  ],
  [
    '5.4',
    'a scope gives its claims, and no others',
    async () => {
      expect(Object.keys(await userinfoFor({ scope: 'openid' }))).to.deep.equal(['sub'])
      expect(await userinfoFor({ scope: 'openid email' })).to.have.all.keys('sub', 'email', 'email_verified')
    },
  ],
  [
    '5.5',
    'claims are asked one by one, for the ID token or for userinfo',
    async () => {
      expect(await idTokenFor(asking({ id_token: { email: null } }))).to.include({ email: 'ada@example.com' })
      const claims = await userinfoFor(asking({ userinfo: { name: { essential: true }, email: null } }))
      expect(claims).to.have.all.keys('sub', 'name', 'email')
    },
  ],
  [
    '5.5',
    'claims that the person does not have, or that nobody knows, are left out',
    async () => {
      const claims = await userinfoFor(
        asking({ userinfo: { website: { essential: true }, 'https://x.example/claim': null } }),
      )
      expect(claims).to.have.all.keys('sub')
    },
  ],
  [
    '5.5',
    'claims that are no JSON object are refused',
    async () => {
      for (const claims of ['x', '[]', '"a"', '{', '{"id_token":[]}', '{"userinfo":"x"}', 'null'])
        expect(outcomeOf(await openRequest(replicas, { claims })), claims).to.equal('invalid_request')
    },
  ],
  [
    '5.5.1',
    'a sub that is asked for is that of the person who signs in, or nobody',
    async () => {
      const { browser } = await fetchCode(replicas)
      const { sub } = await idTokenFor({})
      const openFor = (value: unknown, prompt?: string) =>
        openRequest(
          replicas,
          { ...asking({ id_token: { sub: { value } } }), ...(prompt ? { prompt } : {}) },
          browser.copy(),
        )
      expect(outcomeOf(await openFor(sub))).to.equal('code')
      expect(outcomeOf(await openFor('somebody-else', 'none'))).to.equal('login_required')
    },
  ],
  [
    '5.5.1.1',
    'an acr that is essential and cannot be reached fails; one that is wished for does not',
    async () => {
      const { browser } = await fetchCode(replicas)
      const openFor = (acr: object) =>
        openRequest(replicas, { ...asking({ id_token: { acr } }), prompt: 'none' }, browser.copy())
      expect(outcomeOf(await openFor({ essential: true, value: 'urn:example:none' }))).to.equal(
        'unmet_authentication_requirements',
      )
      expect(outcomeOf(await openFor({ value: 'urn:example:none' }))).to.equal('code')
    },
  ],
  [
    '6.1',
    'a request object that is not signed is refused',
    async () => {
      const none = [{ alg: 'none' }, { client_id: 'app.web', iss: 'app.web', aud: replicas.issuer }]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
      expect(outcomeOf(await openRequest(replicas, { request: `${none}.` }))).to.equal('invalid_request_object')
    },
  ],
  [
    '9',
    'a client proves itself in the way that it is registered for',
    async () => {
      const code = () => fetchCode(replicas, { parameters: { client_id: 'app.post' } })
      const form = (given: Awaited<ReturnType<typeof code>>) => ({
        grant_type: 'authorization_code',
        code: given.value,
        code_verifier: given.proof.verifier,
        redirect_uri: 'https://app.example.com/callback',
        client_id: 'app.post',
      })
      expect((await askToken(replicas, { ...form(await code()), client_secret: clientSecret }, {})).status).to.equal(
        200,
      )
      expect(
        (await askToken(replicas, { ...form(await code()), client_secret: 'wrong' }, {})).json()['error'],
      ).to.equal('invalid_client')
      expect((await askToken(replicas, form(await code()), {})).json()['error']).to.equal('invalid_client')
    },
  ],
  [
    '11',
    'offline_access gives a refresh token that outlives the session; without it there is one for the session, or none',
    async () => {
      const offline = await fetchTokens(replicas, { parameters: { scope: 'openid offline_access', prompt: 'consent' } })
      expect(offline.refresh).to.be.a('string')
      expect(claimsOfJwt(tokensOf(await refresh(replicas, offline.refresh)).id)['aud']).to.equal('app.web')
    },
  ],
  [
    '12.2',
    'the ID token of a refresh has the same iss, sub, aud and auth_time, and no nonce, each time',
    async () => {
      const first = await fetchTokens(replicas, {
        parameters: { scope: 'openid offline_access', prompt: 'consent', max_age: '600', nonce: 'first' },
      })
      const before = claimsOfJwt(first.id)
      expect(before['nonce']).to.equal('first')
      const second = tokensOf(await refresh(replicas, first.refresh))
      for (const { id } of [second, tokensOf(await refresh(replicas, second.refresh))]) {
        const after = claimsOfJwt(id)
        for (const name of ['iss', 'sub', 'aud', 'auth_time']) expect(after[name], name).to.deep.equal(before[name])
        expect(after['iat']).to.be.at.least(before['iat'] as number)
        expect(after).to.not.have.property('nonce')
      }
    },
  ],
  [
    '13.2',
    'a form of an authorization request by POST is a request as any other',
    async () => {
      const answer = await send(replicas, {
        path: '/authorize',
        form: {
          client_id: 'app.web',
          response_type: 'code',
          scope: 'openid',
          redirect_uri: 'https://app.example.com/callback',
          nonce: 'a-nonce-of-some-length',
          state: 's',
          code_challenge: 'x'.repeat(43),
          code_challenge_method: 'S256',
        },
      })
      expect(answer.status).to.equal(303)
    },
  ],
  [
    '15.5.2',
    'no answer of the authorization endpoint may stand in a frame',
    async () => {
      const page = await openRequest(replicas, {})
      expect(page.headers['content-security-policy']).to.contain("frame-ancestors 'none'")
    },
  ],
]

const discovery: readonly WalkRow[] = [
  [
    '3',
    'the metadata has all that is required, and names endpoints that are there',
    async () => {
      const document = await metadata()
      for (const name of [
        'issuer',
        'authorization_endpoint',
        'token_endpoint',
        'jwks_uri',
        'response_types_supported',
        'subject_types_supported',
        'id_token_signing_alg_values_supported',
        'userinfo_endpoint',
        'scopes_supported',
        'claims_supported',
      ])
        expect(document, name).to.have.property(name)
      expect(document['issuer']).to.equal(replicas.issuer)
      expect(document['id_token_signing_alg_values_supported']).to.include('RS256')
      expect(document).to.include({
        request_parameter_supported: true,
        request_uri_parameter_supported: false,
        claims_parameter_supported: true,
      })
      for (const [name, value] of Object.entries(document)) {
        if (!/_endpoint$|^jwks_uri$/.test(name)) continue
        const { pathname } = new URL(String(value))
        expect((await send(replicas, { path: pathname, method: 'GET' })).status, name).to.not.equal(404)
      }
    },
  ],
  [
    '3',
    'what people can choose is named too: languages and prompts',
    async () => {
      expect(await metadata()).to.deep.include({
        ui_locales_supported: [...languagesIn(localesDirectory)],
        prompt_values_supported: ['none', 'select_account', 'login', 'consent'],
      })
    },
  ],
  [
    '3',
    'every grant type and response mode that it names is served, and no other',
    async () => {
      const { grant_types_supported: grants } = await metadata()
      for (const grant of [...(grants as string[]), 'password', 'urn:example:unknown']) {
        const { error } = (await askToken(replicas, { grant_type: grant })).json()
        if ((grants as string[]).includes(grant)) expect(error, grant).to.not.equal('unsupported_grant_type')
        else expect(error, grant).to.equal('unsupported_grant_type')
      }
    },
  ],
  [
    '4.1',
    'openid-client takes the document of this issuer, and not one of another',
    async () => {
      const config = await client.discovery(
        new URL(replicas.issuer),
        'app.web',
        undefined,
        client.ClientSecretBasic(clientSecret),
        { execute: [client.allowInsecureRequests] },
      )
      expect(config.serverMetadata().issuer).to.equal(replicas.issuer)
    },
  ],
  [
    '4.2',
    'the document is JSON, and every method but GET and HEAD is refused',
    async () => {
      const answer = await send(replicas, { path: '/.well-known/openid-configuration' })
      expect(answer.headers['content-type']).to.match(/^application\/json/)
      expect(
        (await send(replicas, { path: '/.well-known/openid-configuration', method: 'POST', body: '' })).status,
      ).to.equal(405)
    },
  ],
  [
    '4.2',
    'the document does not say that clients by metadata document are taken where none are',
    async () => expect(await metadata()).not.to.have.property('client_id_metadata_document_supported'),
  ],
]

const logout: readonly WalkRow[] = [
  [
    '2',
    'a sign-out by GET and by POST shows a page before it ends anything',
    async () => {
      for (const method of ['GET', 'POST'] as const) {
        const { browser } = await fetchCode(replicas)
        const page = await browser.follow(`${replicas.issuer}/logout`, method === 'POST' ? { form: {} } : {})
        expect(page.status).to.equal(200)
        expect(outcomeOf(await openRequest(replicas, { prompt: 'none' }, browser))).to.equal('code')
      }
    },
  ],
  [
    '2',
    'after it the browser has no session, and the state comes back',
    async () => {
      const code = await fetchCode(replicas)
      const { id } = tokensOf(await redeem(replicas, code))
      const parameters = new URLSearchParams({
        id_token_hint: id,
        post_logout_redirect_uri: 'https://app.example.com/bye',
        state: 'of-the-app',
      })
      const page = await code.browser.follow(`${replicas.issuer}/logout?${parameters.toString()}`)
      const end = await code.browser.submit(page, '/logout/confirm', { logout: 'yes' })
      expect(end.location).to.equal('https://app.example.com/bye?state=of-the-app')
      expect(outcomeOf(await openRequest(replicas, { prompt: 'none' }, code.browser))).to.equal('login_required')
    },
  ],
  [
    '3',
    'an address that is not registered, or has no client to be one of, is not gone to',
    async () => {
      const code = await fetchCode(replicas)
      const { id } = tokensOf(await redeem(replicas, code))
      for (const given of [
        { id_token_hint: id, post_logout_redirect_uri: 'https://evil.test/' },
        { post_logout_redirect_uri: 'https://app.example.com/bye' },
        { client_id: 'app.nobody', post_logout_redirect_uri: 'https://app.example.com/bye' },
        { client_id: 'app.asks', id_token_hint: id, post_logout_redirect_uri: 'https://app.example.com/bye' },
      ]) {
        const browser = new Browser(replicas)
        const page = await browser.follow(`${replicas.issuer}/logout?${new URLSearchParams(given).toString()}`)
        expect(page.location, JSON.stringify(given)).to.equal(undefined)
        if (!page.body.includes('/logout/confirm')) continue
        const end = await browser.submit(page, '/logout/confirm', { logout: 'yes' })
        expect(end.location, JSON.stringify(given)).to.equal(undefined)
      }
    },
  ],
  [
    '4',
    'a hint of somebody else, or of another time, ends only what the person of this browser confirms',
    async () => {
      const bob = tokensOf(await redeem(replicas, await fetchCode(replicas, { username: 'bob' }))).id
      const { browser } = await fetchCode(replicas)
      const page = await browser.follow(`${replicas.issuer}/logout?id_token_hint=${bob}`)
      expect(page.location).to.equal(undefined)
      expect(outcomeOf(await openRequest(replicas, { prompt: 'none' }, browser))).to.equal('code')
    },
  ],
]

for (const [standard, rows] of [
  ['Core', core],
  ['Discovery', discovery],
  ['RP-Initiated Logout', logout],
] as const)
  describe(`OpenID Connect ${standard} 1.0, section`, () => {
    before(async () => {
      replicas = await startWalked([
        entry('app.sealed', {
          ...configs.web,
          jwks: { keys: [{ ...(await exportJWK(sealed.publicKey)), use: 'enc' }] },
          userinfoEncryptedResponseAlg: 'RSA-OAEP-256',
          userinfoEncryptedResponseEnc: 'A256GCM',
        }),
      ])
    })
    after(() => replicas.stop())
    for (const [section, sentence, show] of rows) it(`${section} ${sentence}`, show)
  })
