import { connect } from 'node:net'
import { expect } from 'chai'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { addPerson, clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

describe('the edge of the real server', () => {
  let server: ServerReplicas
  let host = ''
  before(async () => {
    server = await startReplicas({ settings: { extraHosts: ['nauthera.auth.svc:8080'] } })
    await server.serve([entry('app.web', configs.web), entry('app.machine', configs.machine)])
    await addPerson(server, 'ada')
    host = new URL(server.issuer).host
  })
  after(async () => {
    await server?.stop()
  })

  const request = (more: Record<string, string> = {}): string =>
    authorizationUrl(server.issuer, {
      client_id: 'app.web',
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
      ...more,
    })
  const everything = (answer: Answer): string => JSON.stringify([answer.headers, answer.body])

  const claims: Record<string, string>[] = [
    { forwarded: 'for=6.6.6.6;host=evil.test;proto=https' },
    { 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https', 'x-forwarded-for': '6.6.6.6' },
    { X_Forwarded_Host: 'evil.test', X_Forwarded_For: '6.6.6.6' },
    { 'x-original-url': '/evil.test', 'x-rewrite-url': '/evil.test', 'x-forwarded-prefix': '/evil.test' },
    { 'x-forwarded-host': 'evil.test', 'user-agent': 'kube-probe/1.33' },
  ]
  for (const headers of claims) {
    it(`E1 E2 ${Object.keys(headers).join(', ')} changes no URL, link or cookie`, async () => {
      for (const path of [
        '/.well-known/openid-configuration',
        '/jwks',
        new URL(request()).pathname + new URL(request()).search,
        '/nothing',
      ]) {
        const answer = await send(server, { path, headers: { accept: 'text/html', ...headers } })
        expect(everything(answer), path).not.to.contain('evil.test').and.not.contain('6.6.6.6')
      }
      const metadata = await send(server, { path: '/.well-known/openid-configuration', headers })
      expect(metadata.json()).to.include({ issuer: server.issuer, token_endpoint: `${server.issuer}/token` })
      expect(server.lines.join()).not.to.contain('6.6.6.6')
    })
  }

  it('E1 answers 421 for another host everywhere, with the issuer and nothing of that host', async () => {
    for (const path of [
      '/.well-known/openid-configuration',
      '/jwks',
      '/token',
      '/authorize?client_id=app.web',
      '/logout',
    ]) {
      const answer = await send(server, { path, headers: { host: 'evil.test', accept: 'text/html' } })
      expect(answer.status, path).to.equal(421)
      expect(everything(answer)).not.to.contain('evil.test')
      expect(answer.body).to.contain(server.issuer)
    }
    for (const path of ['/token', '/userinfo']) {
      const answer = await send(server, { path, form: { grant_type: 'x' }, headers: { host: 'evil.test' } })
      expect(answer.status, path).to.equal(421)
    }
  })

  it('E1 shows the page for a wrong host in full: with every security header, its stylesheet and a way to the right host', async () => {
    const headers = { accept: 'text/html' }
    const [wrong, right] = [
      await send(server, { path: '/authorize', headers: { ...headers, host: 'evil.test' } }),
      await send(server, { path: '/nothing', headers }),
    ]
    const security = Object.keys(right.headers).filter((name) => /policy|options|security|protection/.test(name))
    expect(security.length).to.be.greaterThan(5)
    for (const name of security) expect(wrong.headers[name], name).to.equal(right.headers[name])
    const stylesheet = /href="([^"]+\.css)"/.exec(wrong.body)![1]!
    expect((await send(server, { path: stylesheet, headers: { host: 'evil.test' } })).status).to.equal(200)
    expect(wrong.body).to.contain(`<a class="button" id="go-to" href="${server.issuer}">`)
  })

  it('says at its own address what it is, and where its settings are', async () => {
    const answer = await send(server, { path: '/', headers: { accept: 'text/html' } })
    expect(answer.status).to.equal(200)
    const page = answer.body.replaceAll('<wbr>', '')
    expect(page).to.contain(server.issuer).and.contain('href="/.well-known/openid-configuration"')
    expect((await send(server, { method: 'DELETE', path: '/' })).status).to.equal(405)
  })

  it('says on the page what the protocol found wrong, also outside development', async () => {
    const path = '/authorize?response_type=code'
    const answer = await send(server, { path, headers: { accept: 'text/html' } })
    expect(answer.status).to.equal(400)
    expect(answer.body).to.match(/client_id/)
  })

  it('accepts an extra host, and answers with the issuer’s URLs', async () => {
    const path = '/.well-known/openid-configuration'
    const answer = await send(server, { path, headers: { host: 'nauthera.auth.svc:8080' } })
    expect(answer.status).to.equal(200)
    expect(answer.json()).to.include({ issuer: server.issuer })
    expect(answer.body).not.to.contain('nauthera.auth.svc')
    const form = { grant_type: 'client_credentials' }
    const headers = { host: 'nauthera.auth.svc:8080', ...basic('app.machine', clientSecret) }
    expect((await send(server, { path: '/token', form, headers })).status).to.equal(200)
  })

  it('E7 has no management path, and no page of the library’s own, on the public port', async () => {
    for (const path of ['/metrics', '/livez', '/readyz', '/authorize/../metrics', '/interaction', '/reg']) {
      const page = await send(server, { path, headers: { accept: 'text/html' } })
      expect(page.status, path).to.equal(404)
      expect(page.body, path).to.contain('<html lang="en">').and.contain('NOT_FOUND')
      const json = await send(server, { path })
      expect(json.status, path).to.equal(404)
      expect(json.json()['error'], path).to.be.a('string')
    }
  })

  it('L3 forbids frames on every kind of answer, and sends a correlation id that the log has too', async () => {
    const browser = new Browser(server)
    const answers: Answer[] = [
      await browser.follow(request()),
      await browser.open('/logout/success'),
      await browser.open('/nothing'),
      await browser.open('/authorize?client_id=unknown'),
      await send(server, { path: '/token', form: { grant_type: 'none' } }),
      await send(server, { path: '/', headers: { host: 'evil.test' } }),
    ]
    for (const { headers } of answers.slice(0, 5)) {
      expect(headers['content-security-policy']).to.contain("frame-ancestors 'none'").and.contain("script-src 'self'")
      expect(headers['x-frame-options']).to.equal('DENY')
      expect(headers['x-content-type-options']).to.equal('nosniff')
    }
    // metadata are answered before everything else
    const document = await send(server, { path: '/.well-known/openid-configuration' })
    expect(document.headers['content-security-policy']).to.contain("frame-ancestors 'none'")
    expect(document.headers['x-frame-options']).to.equal('DENY')
    for (const { headers } of answers) {
      const id = String(headers['x-correlation-id'])
      expect(id).to.match(/^[0-9a-f]{16}$/)
      expect(server.lines.filter((line) => line.includes(id))).not.to.have.length(0)
    }
  })

  it('I6 logs one line for each request, without code, state, secret, cookie or password', async () => {
    const proof = pkce()
    const browser = new Browser(server)
    const back = await browser.authorize(request({ state: 'canary-state', code_challenge: proof.challenge }), 'ada')
    const code = back.searchParams.get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: proof.verifier }
    const answer = await send(server, { path: '/token', headers: basic('app.web', clientSecret), form })
    expect(answer.status).to.equal(200)
    const secrets = [
      code,
      'canary-state',
      clientSecret,
      proof.verifier,
      ...[...browser.jar.values()].map(({ value }) => value),
    ]
    secrets.push(String(answer.json()['access_token']), 'correct horse battery staple')
    const log = server.lines.join('\n')
    for (const secret of secrets.filter((one) => one.length > 8)) expect(log).not.to.contain(secret)
    expect(log).to.contain('"route":"/interaction/:/sign-in"').and.contain('"route":"/token"')
  })

  it('E1 refuses two Host headers on each path, also for metadata and keys, and accepts an absolute target', async () => {
    for (const path of ['/.well-known/openid-configuration', '/jwks', '/token', '/authorize?client_id=app.web']) {
      const twice = await sendRaw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}`)
      expect(twice, path).to.match(/^HTTP\/1.1 400 /)
    }
    for (const path of ['/.well-known/openid-configuration', '/jwks']) {
      const absolute = await sendRaw(`GET http://${host}${path} HTTP/1.1\r\nHost: ${host}`)
      expect(absolute, path)
        .to.match(/^HTTP\/1.1 200 /)
        .and.contain('application/json')
    }
    const { pathname, search } = new URL(request())
    const begun = await sendRaw(`GET http://${host}${pathname}${search} HTTP/1.1\r\nHost: evil.test`)
    expect(begun)
      .to.match(/^HTTP\/1.1 303 /)
      .and.match(/^location: \/interaction\//im)
    expect(begun).not.to.contain('evil.test')
  })

  const asked: [
    method: string,
    path: string,
    headers: Record<string, string>,
    status: number,
    allow: string | undefined,
  ][] = [
    ['OPTIONS', '/authorize', {}, 204, 'GET, HEAD, POST, OPTIONS'],
    ['OPTIONS', '/authorize', { accept: 'text/html' }, 204, 'GET, HEAD, POST, OPTIONS'],
    ['OPTIONS', '/logout', {}, 204, 'GET, HEAD, POST, OPTIONS'],
    ['OPTIONS', '/interaction/x', {}, 204, 'GET, HEAD, POST, OPTIONS'],
    ['OPTIONS', '/token', {}, 204, 'POST, OPTIONS'],
    ['OPTIONS', '/jwks', {}, 204, 'GET, HEAD, OPTIONS'],
    ['OPTIONS', '/nothing', {}, 404, undefined],
    ['OPTIONS', '/__proto__', {}, 404, undefined],
  ]
  for (const [method, path, headers, status, allow] of asked) {
    it(`answers ${method} ${path} ${JSON.stringify(headers)} with ${status}`, async () => {
      const answer = await send(server, { method, path, headers })
      expect(answer.status).to.equal(status)
      expect(answer.headers['allow']).to.equal(allow)
      if (status === 204) expect(answer.body).to.equal('')
    })
  }

  const java = 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2'
  const accepted = [java, 'text/html', 'application/xhtml+xml, TEXT/HTML;q=0.9', 'text/*', 'image/png', '*/*', '']
  const programs = ['/token', '/introspect', '/revoke', '/request', '/userinfo']
  for (const path of programs) {
    it(`answers each error of ${path} with JSON that no cache keeps, whatever Accept says`, async () => {
      for (const accept of accepted) {
        const twice = await sendRaw(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}\r\nAccept: ${accept}`)
        expect(twice).to.match(/^HTTP\/1.1 400 /)
        expect(twice).to.match(/^content-type: application\/json/im)
        const form = { grant_type: 'x', token: 'x' }
        for (const [status, answer] of [
          [undefined, await send(server, { path, form, headers: { accept } })],
          [421, await send(server, { path, form, headers: { accept, host: 'evil.test' } })],
          [421, await send(server, { path, headers: { accept, host: 'evil.test' } })],
          [405, await send(server, { method: 'PUT', path, headers: { accept } })],
        ] as const) {
          if (status === undefined) expect(answer.status).to.be.oneOf([400, 401])
          else expect(answer.status).to.equal(status)
          expect(answer.headers['content-type'], accept).to.match(/^application\/json/)
          expect(answer.headers['cache-control'], accept).to.equal('no-store')
          expect(answer.json()['error'], accept).to.be.a('string')
        }
      }
    })
  }

  it('shows people a page for the same faults elsewhere', async () => {
    for (const [path, headers] of [
      ['/authorize', { accept: java, host: 'evil.test' }],
      ['/nothing', { accept: java }],
      ['/authorize?client_id=unknown', { accept: java }],
    ] as const) {
      const answer = await send(server, { path, headers })
      expect(answer.headers['content-type'], path).to.match(/^text\/html/)
    }
  })

  const refused: [method: string, path: string, allow: string][] = [
    ['GET', '/token', 'POST, OPTIONS'],
    ['HEAD', '/token', 'POST, OPTIONS'],
    ['PUT', '/token', 'POST, OPTIONS'],
    ['GET', '/revoke', 'POST, OPTIONS'],
    ['DELETE', '/userinfo', 'GET, HEAD, POST, OPTIONS'],
    ['POST', '/jwks', 'GET, HEAD, OPTIONS'],
    ['PUT', '/authorize', 'GET, HEAD, POST, OPTIONS'],
    ['PATCH', '/interaction/x', 'GET, HEAD, POST, OPTIONS'],
  ]
  for (const [method, path, allow] of refused) {
    it(`answers ${method} ${path} with 405 and the methods of the path`, async () => {
      const answer = await send(server, { method, path, headers: { accept: 'text/html' } })
      expect([answer.status, answer.headers['allow']]).to.deep.equal([405, allow])
      const told = await send(server, { method, path, headers: { accept: 'application/json' } })
      if (method !== 'HEAD') expect(told.json()['error_description']).to.contain(`${method} is not possible here; use `)
      if (method !== 'HEAD') expect(answer.body).to.contain('METHOD_NOT_ALLOWED')
    })
  }

  it('lets no page of another origin send a form to a page', async () => {
    const headers = { origin: 'https://evil.test', 'access-control-request-method': 'POST' }
    for (const path of ['/authorize', '/logout', '/interaction/x']) {
      const answer = await send(server, { method: 'OPTIONS', path, headers })
      expect(answer.status).to.equal(204)
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).to.deep.equal([])
    }
  })

  function sendRaw(head: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(server.apps[0]!.port, '127.0.0.1', () =>
        socket.write(`${head}\r\nConnection: close\r\n\r\n`),
      )
      let text = ''
      socket.setTimeout(20_000, () => socket.destroy(new Error('no answer in 20 s')))
      socket.on('data', (part) => (text += part.toString()))
      socket.on('error', reject)
      socket.on('close', () => resolve(text))
    })
  }

  it('E2 has each address in one spelling, and shows no page of the library for another one', async () => {
    const paths = ['/device', '/logout', '/authorize', '/token', '/userinfo', '/jwks', '/account', '/forgot']
    for (const path of paths)
      for (const other of [path.toUpperCase(), `${path}/`, `/${path}`])
        for (const method of ['GET', 'POST'])
          expect((await send(server, { method, path: other })).status, `${method} ${other}`).to.equal(404)
  })

  it('accepts its own host in capital letters', async () => {
    const answer = await send(server, { path: '/jwks', headers: { host: host.toUpperCase() } })
    expect(answer.status).to.equal(200)
  })
})
