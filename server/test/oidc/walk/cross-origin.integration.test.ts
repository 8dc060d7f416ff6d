import { expect } from 'chai'
import { Browser, basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { deviceGrant } from '@nauthera/harness/device'
import { fetchCode, redeem, request, tokensOf } from '@nauthera/harness/flows'
import { clientSecret, configs, entry } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { startWalked } from './walked.ts'

// Fetch section 3.3 (CORS): which pages of other origins may read an answer. A browser sends Origin with each such request, and asks first
// (preflight) for headers such as DPoP. The list of origins is the client's: `corsOrigins`. Some programs send credentials always, so they may; no cookie counts.

const own = 'https://spa.example.com'
const foreign = 'https://evil.test'
const spaRequest = { client_id: 'app.spa', redirect_uri: `${own}/callback` }

/** What the page of a client calls, each as that client would. */
const endpoints: readonly [path: string, form: () => Record<string, string>, headers?: Record<string, string>][] = [
  ['/token', () => ({ grant_type: 'refresh_token', refresh_token: 'x', client_id: 'app.spa' })],
  ['/revoke', () => ({ token: 'x', client_id: 'app.spa' })],
  ['/introspect', () => ({ token: 'x' }), basic('app.page-api', clientSecret)],
  ['/request', () => request(pkce(), spaRequest)],
  ['/device_authorization', () => ({ client_id: 'app.device' })],
]
const documents = ['/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']
/** For people alone: no script of another origin reads them. */
const pages = ['/', '/authorize', '/logout', '/device', '/interaction/x', '/account', '/admin', '/register', '/forgot']

describe('Fetch: cross-origin requests, section', () => {
  let replicas: ServerReplicas
  /** Of the client whose pages are at `own`. */
  let access: string
  before(async () => {
    replicas = await startWalked([
      entry('app.page-api', {
        ...configs.api,
        corsOrigins: [own],
        resourceServer: { identifier: 'https://page-api.example.com' },
      }),
      entry('app.device', {
        ...configs.spa,
        type: 'Device',
        redirectUris: [],
        corsOrigins: [own],
        grantTypes: [deviceGrant],
      }),
    ])
    const code = await fetchCode(replicas, { parameters: spaRequest })
    const answer = await exchange(code, own)
    expect(allowed(answer)).to.equal(own)
    access = tokensOf(answer).access
  })
  after(() => replicas.stop())

  const exchange = (code: Awaited<ReturnType<typeof fetchCode>>, origin: string) =>
    send(replicas, {
      path: '/token',
      headers: { origin },
      form: { grant_type: 'authorization_code', code: code.value, code_verifier: code.proof.verifier, ...spaRequest },
    })
  const allowed = ({ headers }: Answer) => headers['access-control-allow-origin']
  const allowsCredentials = ({ headers }: Answer) => headers['access-control-allow-credentials']
  const preflight = (path: string, origin: string, method = 'POST', wanted = 'authorization,content-type,dpop') =>
    send(replicas, {
      method: 'OPTIONS',
      path,
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': wanted,
      },
    })
  const userinfo = (origin: string, more: object = {}) =>
    send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}`, origin }, ...more })

  for (const [path, form, headers = {}] of endpoints) {
    it(`3.3 ${path} is answered to the origin of the client and to no other, never to all`, async () => {
      const ofOwn = await send(replicas, { path, form: form(), headers: { ...headers, origin: own } })
      expect(allowed(ofOwn), ofOwn.body).to.equal(own)
      for (const origin of [foreign, 'null', `${own}.evil.test`, own.replace('https', 'http'), `${own}:8443`]) {
        const answer = await send(replicas, { path, form: form(), headers: { ...headers, origin } })
        expect([answer.status, answer.json()['error']], origin).to.deep.equal([400, 'invalid_request'])
        expect(allowed(answer), origin).to.equal(undefined)
        expect(allowsCredentials(answer)).to.equal(undefined)
      }
      expect(allowsCredentials(ofOwn)).to.equal('true')
    })
  }

  for (const [path, methods] of [
    ...endpoints.map(([path]) => [path, ['POST']] as const),
    ['/userinfo', ['GET', 'POST']] as const,
  ])
    it(`3.3.2 the preflight of ${path} allows its methods, and the headers authorization, content-type and dpop`, async () => {
      for (const method of methods) {
        const answer = await preflight(path, own, method)
        expect([answer.status, answer.body]).to.deep.equal([204, ''])
        expect(allowed(answer)).to.equal(own)
        const { headers } = answer
        expect(String(headers['access-control-allow-methods']).split(',')).to.deep.equal(methods)
        expect(String(headers['access-control-allow-headers']).split(',')).to.deep.equal([
          'authorization',
          'content-type',
          'dpop',
        ])
        expect(Number(headers['access-control-max-age'])).to.be.above(0)
        expect(allowsCredentials(answer)).to.equal('true')
        // it names no client: the origin is that of none
        for (const origin of [foreign, 'null', own.replace('https', 'http')]) {
          const other = await preflight(path, origin, method)
          expect(Object.keys(other.headers).filter((name) => name.startsWith('access-control-'))).to.deep.equal([])
        }
      }
    })

  it('3.3 what is answered without Origin, and so to no page, is kept by nobody who could give it to one', async () => {
    const userinfo = ['/userinfo', () => ({}), { authorization: `Bearer ${access}` }] as const
    for (const [path, form, headers = {}] of [...endpoints, userinfo]) {
      const answer = await send(replicas, { path, form: form(), headers })
      expect(answer.headers.vary, path).to.match(/\borigin\b/i)
      // revocation has nothing to keep
      if (answer.body !== '') expect(answer.headers['cache-control'], path).to.contain('no-store')
      expect(allowsCredentials(answer), path).to.equal(undefined)
    }
    const byGet = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
    expect(byGet.headers.vary).to.match(/\borigin\b/i)
    expect(byGet.headers['cache-control']).to.contain('no-store')
  })

  it('3.3 userinfo: the token says whose page may read it, by GET and by POST', async () => {
    for (const more of [{}, { method: 'POST' }]) {
      const ofOwn = await userinfo(own, more)
      expect([ofOwn.status, allowed(ofOwn), allowsCredentials(ofOwn)]).to.deep.equal([200, own, 'true'])
      const ofForeign = await userinfo(foreign, more)
      expect([ofForeign.status, allowed(ofForeign), allowsCredentials(ofForeign)]).to.deep.equal([
        400,
        undefined,
        undefined,
      ])
      expect(ofForeign.body).to.not.contain('sub')
    }
    const ofWeb = tokensOf(await redeem(replicas, await fetchCode(replicas))).access
    const none = await userinfo(own, { headers: { authorization: `Bearer ${ofWeb}`, origin: own } })
    expect([none.status, allowed(none)]).to.deep.equal([400, undefined])
  })

  it('3.3 a code that a page of another origin shows gives no token, and is not used up', async () => {
    const code = await fetchCode(replicas, { parameters: spaRequest })
    const refused = await exchange(code, foreign)
    expect([refused.status, allowed(refused)]).to.deep.equal([400, undefined])
    expect((await exchange(code, own)).status).to.equal(200)
  })

  it('3.3.3 a page may read why it was refused: WWW-Authenticate is shown', async () => {
    const refused = await userinfo(own, { headers: { authorization: 'Bearer nonsense', origin: own } })
    expect(refused.status).to.equal(401)
    expect(refused.headers['access-control-expose-headers']).to.contain('WWW-Authenticate')
    expect(allowsCredentials(refused)).to.equal(undefined)
  })

  it('3.3 the answer about a client that nobody knows tells every page the error, and nothing else', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'app.nobody' }
    const answer = await send(replicas, { path: '/token', form, headers: { origin: foreign } })
    expect(answer.json()['error']).to.equal('invalid_client')
    expect(allowed(answer)).to.not.equal('*')
    expect(allowsCredentials(answer)).to.equal(undefined)
  })

  for (const path of documents)
    it(`3.3 ${path} is for everybody, the same for each, without cookies`, async () => {
      for (const origin of [own, foreign]) {
        const answer = await send(replicas, { path, headers: { origin, cookie: 'a=b' } })
        expect([answer.status, allowed(answer), allowsCredentials(answer)]).to.deep.equal([200, '*', undefined])
        expect(answer.headers['set-cookie']).to.equal(undefined)
        const asked = await preflight(path, origin, 'GET')
        expect([asked.status, allowsCredentials(asked)]).to.deep.equal([204, undefined])
      }
    })

  for (const path of pages)
    it(`3.3 the page ${path} is for no script of another origin: asked, read or sent to, signed in or not`, async () => {
      const { browser } = await fetchCode(replicas)
      const cookie = [...browser.jar.values()].map(({ name, value }) => `${name}=${value}`).join('; ')
      for (const origin of [own, foreign])
        for (const answer of [
          await preflight(path, origin, 'GET'),
          await preflight(path, origin),
          await send(replicas, { path, headers: { origin, accept: 'text/html' } }),
          await send(replicas, { path, headers: { origin, cookie, accept: 'text/html' } }),
          await send(replicas, { path, form: {}, headers: { origin, cookie, accept: 'text/html' } }),
        ])
          expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).to.deep.equal([])
    })

  it('3.3 a signed-in browser is nobody at the endpoints of clients: its cookies are not looked at', async () => {
    const browser = new Browser(replicas)
    await fetchCode(replicas, { browser })
    const cookie = [...browser.jar.values()].map(({ name, value }) => `${name}=${value}`).join('; ')
    for (const [path, form, headers = {}] of [...endpoints, ['/userinfo', () => ({})] as const]) {
      const both = await Promise.all(
        [{}, { cookie }].map((more) =>
          send(replicas, { path, form: form(), headers: { ...headers, origin: own, ...more } }),
        ),
      )
      expect(both[0]!.status, path).to.equal(both[1]!.status)
      expect(both[1]!.headers['set-cookie'], path).to.equal(undefined)
    }
  })
})
