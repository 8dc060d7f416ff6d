import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { expect } from 'chai'
import { CompactSign, exportJWK, FlattenedSign, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey } from 'jose'
import { Browser, authorizationUrl, formOf, pkce, send } from '@nauthera/harness/browser'
import { fetchCode, request } from '@nauthera/harness/flows'
import { addPerson, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

// Requests that look almost right. The one beside each of them that is right succeeds.

const now = () => Math.floor(Date.now() / 1000)
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const encode = (text: string) => Buffer.from(text).toString('base64url')

describe('requests that are almost right', () => {
  let replicas: ServerReplicas
  let privateKey: CryptoKey
  before(async () => {
    replicas = await startReplicas()
    const pair = await generateKeyPair('ES256', { extractable: true })
    privateKey = pair.privateKey
    const jwk: object = { ...(await exportJWK(pair.publicKey)), kid: 'own', alg: 'ES256' }
    const jwks = { keys: [jwk as Record<string, string>] }
    const keyed = { tokenEndpointAuthMethod: 'private_key_jwt', jwks }
    await replicas.serve([
      entry('app.keyed', { ...configs.machine, ...keyed }),
      entry('app.signed', { ...configs.web, ...keyed }),
      entry('app.web', configs.web),
      entry('app.api', configs.api),
    ])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  const assertionOf = (more: object = {}, head: object = {}, clientId = 'app.keyed') =>
    new SignJWT({ iss: clientId, sub: clientId, aud: replicas.issuer, jti: randomUUID(), exp: now() + 60, ...more })
      .setProtectedHeader({ alg: 'ES256', kid: 'own', ...head })
      .sign(privateKey)
  const ask = (assertion: string, path = '/token', more: Record<string, string> = {}) =>
    send(replicas, {
      path,
      form: {
        grant_type: 'client_credentials',
        client_assertion: assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        ...more,
      },
    })
  /** With `b64: false` the signature covers the payload as it is; here that is a text in base64url, so the JWT looks like any other. */
  const unencoded = async () => {
    const payload = encode(
      JSON.stringify({ iss: 'app.keyed', sub: 'app.keyed', aud: replicas.issuer, jti: randomUUID(), exp: now() + 60 }),
    )
    const signed = await new FlattenedSign(Buffer.from(payload))
      .setProtectedHeader({ alg: 'ES256', kid: 'own', b64: false, crit: ['b64'] })
      .sign(privateKey)
    return `${signed.protected}.${payload}.${signed.signature}`
  }

  const assertions: [sentence: string, make: () => Promise<string>][] = [
    ['a request object, by its type', () => assertionOf({}, { typ: 'oauth-authz-req+jwt' })],
    [
      'a request object, by what is in it',
      () => assertionOf({ client_id: 'app.keyed', response_type: 'code', redirect_uri: redirectUri }),
    ],
    ['an assertion from the future', () => assertionOf({ iat: now() + 600, exp: now() + 660 })],
    ['an assertion that is not valid yet', () => assertionOf({ nbf: now() + 600 })],
    ['an assertion whose payload is not encoded (b64: false)', unencoded],
    ['an assertion that is for other servers too', () => assertionOf({ aud: [replicas.issuer, 'https://b.example'] })],
  ]
  for (const [sentence, make] of assertions) {
    it(`A9 does not take ${sentence} for a client’s proof`, async () => {
      const refused = await ask(await make())
      expect(refused.status, refused.body).to.equal(401)
      expect(refused.json()['error']).to.equal('invalid_client')
      const good = await ask(await assertionOf({ iat: now() }))
      expect(good.status, good.body).to.equal(200)
    })
  }

  const objectOf = (more: object = {}, head: object = {}) =>
    new SignJWT({
      ...request(pkce(), { client_id: 'app.signed' }),
      iss: 'app.signed',
      aud: replicas.issuer,
      exp: now() + 60,
      ...more,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'own', ...head })
      .sign(privateKey)
  const authorize = async (parameters: Record<string, string>) => {
    const { pathname, search } = new URL(authorizationUrl(replicas.issuer, parameters))
    return send(replicas, { path: pathname + search, headers: { accept: 'text/html' } })
  }

  it('A9 refuses a request object from the future', async () => {
    const ofObject = async (object: string) => authorize({ client_id: 'app.signed', request: object })
    const refused = await ofObject(await objectOf({ iat: now() + 600, exp: now() + 660 }))
    expect(refused.headers.location ?? refused.body).to.contain('invalid_request_object')
    expect((await ofObject(await objectOf({ iat: now() }))).headers.location).to.contain('/interaction/')
  })

  it('E20 refuses a request object with NUL or half of a character in it', async () => {
    for (const nonce of ['a\u0000b', 'a\ud800b']) {
      const answer = await authorize({ client_id: 'app.signed', request: await objectOf({ nonce }) })
      expect(answer.headers.location ?? answer.body).to.contain('invalid_request')
    }
    const good = await authorize({ client_id: 'app.signed', request: await objectOf({ nonce: 'a\u{1f600}b' }) })
    expect(good.headers.location).to.contain('/interaction/')
  })

  const deep: [sentence: string, ask: () => ReturnType<typeof send>][] = [
    [
      'an assertion',
      () => ask(`${encode('{"alg":"ES256"}')}.${encode(`{"sub":"app.keyed","x":${nested(15_000)}}`)}.AA`),
    ],
    [
      'the head of an assertion',
      () => ask(`${encode(`{"alg":"ES256","x":${nested(15_000)}}`)}.${encode('{"sub":"app.keyed"}')}.AA`),
    ],
    [
      'a signed assertion',
      async () => {
        const payload = `{"iss":"app.keyed","sub":"app.keyed","aud":"${replicas.issuer}","jti":"deep","exp":${now() + 60},"x":${nested(15_000)}}`
        return ask(
          await new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: 'ES256', kid: 'own' }).sign(privateKey),
        )
      },
    ],
    [
      'a pushed request object',
      async () =>
        ask(await assertionOf({}, {}, 'app.signed'), '/request', {
          client_id: 'app.signed',
          request: `${encode('{"alg":"ES256"}')}.${encode(`{"client_id":"app.signed","x":${nested(15_000)}}`)}.AA`,
        }),
    ],
    [
      'pushed claims',
      async () =>
        ask(await assertionOf({}, {}, 'app.signed'), '/request', {
          ...request(pkce(), { client_id: 'app.signed' }),
          claims: `{"userinfo":{"name":${nested(5_000)}}}`,
        }),
    ],
    [
      'claims of a pushed request object',
      async () =>
        ask(await assertionOf({}, {}, 'app.signed'), '/request', {
          client_id: 'app.signed',
          request: await objectOf({ claims: `{"userinfo":{"name":${nested(3_000)}}}` }),
        }),
    ],
    ['claims', () => authorize(request(pkce(), { claims: `{"userinfo":{"name":${nested(3_000)}}}` }))],
    [
      'a request object',
      () =>
        authorize({
          client_id: 'app.signed',
          request: `${encode('{"alg":"ES256"}')}.${encode(`{"x":${nested(2_000)}}`)}.AA`,
        }),
    ],
  ]
  for (const [sentence, send] of deep) {
    it(`T7 answers 400 to ${sentence} with JSON that is nested thousands of levels deep`, async () => {
      const answer = await send()
      // at /authorize the answer goes to the client, or is a page without details
      expect(answer.status, answer.body.slice(0, 300)).to.be.oneOf([303, 400])
      const told = answer.headers.location ?? answer.body
      expect(told).to.contain('invalid_request')
      if (!told.startsWith('<')) expect(told).to.contain('nested')
    })
  }

  it('refuses claims that are neither null nor an object (OpenID Connect Core 5.5.1)', async () => {
    for (const part of ['userinfo', 'id_token'])
      for (const odd of [true, 'yes', 1, ['x']]) {
        const claims = JSON.stringify({ [part]: { email: odd } })
        const { location = '' } = (await authorize(request(pkce(), { claims }))).headers
        expect(new URL(location).searchParams.get('error'), claims).to.equal('invalid_request')
        expect(new URL(location).searchParams.get('error_description')).to.contain(`claims.${part}.email`)
      }
    const good = JSON.stringify({ userinfo: { email: null, name: { essential: true } } })
    expect((await authorize(request(pkce(), { claims: good }))).headers.location).to.contain('/interaction/')
  })

  it('a push of a request object that has just expired is refused, and none says that it is of use for 0 seconds', async () => {
    for (const exp of [-2, 0, 1, 2, 59, 600]) {
      const form = { client_id: 'app.signed', request: await objectOf({ exp: now() + exp }) }
      const answer = await ask(await assertionOf({}, {}, 'app.signed'), '/request', form)
      if (answer.status !== 201) expect(answer.json()['error']).to.equal('invalid_request_object')
      else expect(answer.json()['expires_in']).to.be.within(1, 60)
      if (exp <= 0) expect(answer.status, String(exp)).to.equal(400)
      if (exp >= 59) expect(answer.status, String(exp)).to.equal(201)
    }
  })

  it('E9 takes nothing from a claim or a parameter named __proto__', async () => {
    const claims = '{"userinfo":{"__proto__":{"essential":true},"email":null}}'
    const answer = await authorize(request(pkce(), { claims }))
    expect(answer.status).to.be.oneOf([303, 400])
  })

  const policyOf = (headers: IncomingHttpHeaders) => String(headers['content-security-policy'])

  it('A1 an error page lets no form lead to an address that is not registered', async () => {
    const parameters = request(pkce(), { redirect_uri: 'https://evil.test/callback' })
    const refused = await authorize(parameters)
    expect(refused.status).to.equal(400)
    expect(policyOf(refused.headers)).to.contain("form-action 'self'").and.not.contain('evil.test')
    const unknown = await authorize({ ...parameters, client_id: 'app.nobody' })
    expect(policyOf(unknown.headers)).to.not.contain('evil.test')
    const page = await new Browser(replicas).follow(authorizationUrl(replicas.issuer, request(pkce())))
    expect(policyOf(page.headers)).to.contain('https://app.example.com')
  })

  it('A11 nor does the page of a sign-out, and a registered address stays allowed', async () => {
    const { browser } = await fetchCode(replicas)
    const logout = (uri: string) =>
      browser.open(`/logout?${new URLSearchParams({ client_id: 'app.web', post_logout_redirect_uri: uri }).toString()}`)
    expect(policyOf((await logout('https://evil.test/bye')).headers)).to.not.contain('evil.test')
    expect(policyOf((await logout('https://app.example.com/bye')).headers)).to.contain('https://app.example.com')
  })

  it('L1 a form of another site signs nobody out, even with the token of the page', async () => {
    const { browser } = await fetchCode(replicas)
    const page = await browser.open('/logout')
    const form = formOf(page.body, '/logout/confirm')
    const cookie = [...browser.jar.values()].map(({ name, value }) => `${name}=${value}`).join('; ')
    const confirm = (headers: Record<string, string>, path = form.action) =>
      send(replicas, {
        path,
        form: { ...form.fields, logout: 'yes' },
        headers: { accept: 'text/html', cookie, ...headers },
      })
    for (const headers of [{ origin: 'https://evil.test' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
      const from = replicas.lines.length
      expect((await confirm(headers)).status).to.equal(403)
      expect(replicas.lines.slice(from).some((line) => line.includes('form-foreign-'))).to.equal(true)
      for (const path of ['/LOGOUT/confirm', '/logout/confirm/'])
        expect((await confirm(headers, path)).status, path).to.equal(404)
    }
    const still = await browser.follow(authorizationUrl(replicas.issuer, request(pkce(), { prompt: 'none' })))
    expect(still.location).to.contain('code=')
    const { origin } = new URL(replicas.issuer)
    expect((await confirm({ origin, 'sec-fetch-site': 'same-origin' })).status).to.equal(303)
  })

  it('L1 a form of this site signs nobody out without the token of the page, or with that of another browser', async () => {
    const [ada, other] = [(await fetchCode(replicas)).browser, (await fetchCode(replicas)).browser]
    const { fields, action: path } = formOf((await ada.open('/logout')).body, '/logout/confirm')
    const { xsrf } = formOf((await other.open('/logout')).body, '/logout/confirm').fields
    expect(xsrf)
      .to.match(/^\S{16,}$/)
      .and.not.equal(fields['xsrf'])
    const cookie = [...ada.jar.values()].map(({ name, value }) => `${name}=${value}`).join('; ')
    const headers = { accept: 'text/html', cookie, origin: new URL(replicas.issuer).origin }
    for (const token of [{}, { xsrf: '' }, { xsrf: 'undefined' }, { xsrf: xsrf! }])
      expect((await send(replicas, { path, headers, form: { logout: 'yes', ...token } })).status).to.equal(400)
    const still = await ada.follow(authorizationUrl(replicas.issuer, request(pkce(), { prompt: 'none' })))
    expect(still.location).to.contain('code=')
  })

  it('a long redirect URI is cut in every line of the log', async () => {
    const from = replicas.lines.length
    const parameters = request(pkce(), { redirect_uri: `https://evil.test/${'x'.repeat(3000)}` })
    expect((await authorize(parameters)).status).to.equal(400)
    const lines = replicas.lines.slice(from)
    expect(lines.some((line) => line.includes('redirect URI not registered'))).to.equal(true)
    for (const line of lines) expect(line).to.not.contain('x'.repeat(201))
  })

  it('no line of the log has the query of a refused address: it may hold a code or data of a person', async () => {
    const uri = 'https://ada:pw-canary@evil.test/back?code=code-canary#ada-canary'
    const from = replicas.lines.length
    await authorize(request(pkce(), { redirect_uri: uri }))
    await send(replicas, {
      path: `/logout?${new URLSearchParams({ client_id: 'app.web', post_logout_redirect_uri: uri }).toString()}`,
    })
    const lines = replicas.lines.slice(from)
    const told = lines.filter((line) => line.includes('redirect URI not registered'))
    expect(told).to.have.length(2)
    for (const line of told) expect(line).to.contain('https://evil.test/back"')
    for (const line of lines) expect(line).to.not.contain('canary')
  })
})
