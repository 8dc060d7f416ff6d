import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { getCode, getTokens, introspect, redeem, refresh, request } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { Replicas } from '@nauthera/harness/server'
import * as overrides from '../../../src/oidc/library/overrides.ts'

// One contract for each internal of oidc-provider that overrides.ts leans on, by name. An update of the library that
// breaks one fails here, and says which.

type Prototype = Record<string, unknown>

describe('the internals of oidc-provider that are overridden', () => {
  let replicas: Replicas
  let stock: Record<string, { prototype: Prototype } & Prototype>
  before(async function () {
    this.timeout(60_000)
    replicas = await startReplicas()
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.machine', configs.machine),
      entry('app.opaque', { ...configs.machine, audiences: [] }),
    ])
    await addPerson(replicas, 'ada')
    const { Provider } = await import('oidc-provider')
    stock = new Provider('http://localhost:1', {
      adapter: class {} as never,
      jwks: { keys: [] },
      cookies: { keys: ['x'] },
      features: { devInteractions: { enabled: false } },
    }) as never
  })
  after(() => replicas.stop())

  it('the version is the one that the contracts were written for', () => {
    const wanted = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      dependencies: Record<string, string>
    }
    const installed = JSON.parse(
      readFileSync(new URL('../../../node_modules/oidc-provider/package.json', import.meta.url), 'utf8'),
    ) as { version: string }
    expect(installed.version).to.equal(wanted.dependencies['oidc-provider'])
  })

  for (const [name, method] of [
    ['Client', 'compareClientSecret'],
    ['Client', 'backchannelLogout'],
    ['Client', 'redirectUriAllowed'],
    ['AuthorizationCode', 'getValueAndPayload'],
    ['AuthorizationCode', 'consume'],
    ['AuthorizationCode', 'save'],
    ['AccessToken', 'getValueAndPayload'],
    ['ClientCredentials', 'getValueAndPayload'],
    ['RefreshToken', 'consume'],
    ['RefreshToken', 'generateTokenId'],
    ['RefreshToken', 'getValueAndPayload'],
    ['PushedAuthorizationRequest', 'consume'],
    ['PushedAuthorizationRequest', 'save'],
    ['Session', 'authorizationFor'],
    ['Session', 'sidFor'],
    ['Session', 'grantIdFor'],
    ['Session', 'loginAccount'],
    ['Session', 'destroy'],
    ['Claims', 'result'],
  ] as const) {
    it(`${name}.prototype.${method} is there to be replaced`, () => {
      expect(stock[name]!.prototype[method]).to.be.a('function')
    })
  }

  for (const [name, method] of [
    ['Client', 'find'],
    ['Grant', 'find'],
    ['ReplayDetection', 'unique'],
  ] as const) {
    it(`${name}.${method} is there to be replaced`, () => expect(stock[name]![method]).to.be.a('function'))
  }

  for (const [name, kept] of [
    ['Session', ['uid', 'accountId', 'loginTs', 'authorizations', 'state', 'transient']],
    ['RefreshToken', ['grantId', 'accountId', 'sessionUid', 'authTime', 'iiat']],
    ['AuthorizationCode', ['grantId', 'accountId', 'sessionUid', 'authTime']],
  ] as const) {
    it(`${name}.IN_PAYLOAD names what we rely on`, () => {
      expect(stock[name]!['IN_PAYLOAD']).to.include.members([...kept])
    })
  }

  it('an override of something that is gone is refused at start', () => {
    const gutted = { Client: { find: undefined } } as never
    expect(() => overrides.findClients(gutted, { clients: {} as never })).to.throw('has no find any more')
  })

  it('findClients: Client.find serves the registry of this moment', async () => {
    const form = { grant_type: 'client_credentials' }
    const ask = () => send(replicas, { path: '/token', form, headers: basic('app.late', clientSecret) })
    expect((await ask()).status).to.equal(401)
    const present = [
      entry('app.web', configs.web),
      entry('app.machine', configs.machine),
      entry('app.opaque', { ...configs.machine, audiences: [] }),
    ]
    await replicas.serve([...present, entry('app.late', configs.machine)])
    expect((await ask()).status).to.equal(200)
    await replicas.serve(present)
    expect((await ask()).status).to.equal(401)
  })

  it('compareSecrets: Client.prototype.compareClientSecret decides, and its use is told', async () => {
    const form = { grant_type: 'client_credentials' }
    expect(
      (await send(replicas, { path: '/token', form, headers: basic('app.machine', `${clientSecret}x`) })).status,
    ).to.equal(401)
    expect(
      (await send(replicas, { path: '/token', form, headers: basic('app.machine', clientSecret) })).status,
    ).to.equal(200)
  })

  it('sealValues: getValueAndPayload leaves nothing for the adapter to store', async () => {
    const tokens = await getTokens(replicas)
    for (const value of [tokens.access, tokens.refresh]) expect(value).to.match(/^nr_[0-9a-f]{8}_[A-Za-z0-9_-]+$/)
    const opaque = await send(replicas, {
      path: '/token',
      form: { grant_type: 'client_credentials' },
      headers: basic('app.opaque', clientSecret),
    })
    expect(opaque.json()['access_token']).to.match(/^nr_/)
    const jwt = await send(replicas, {
      path: '/token',
      form: { grant_type: 'client_credentials' },
      headers: basic('app.machine', clientSecret),
    })
    expect(String(jwt.json()['access_token']).split('.')).to.have.length(3)
  })

  it('finishCodes: AuthorizationCode.prototype.save writes the grant that the code exchange finds', async () => {
    const code = await getCode(replicas)
    expect((await redeem(replicas, code)).status).to.equal(200)
  })

  it('rotateRefreshTokens: the successor is another string, derived anew', async () => {
    const tokens = await getTokens(replicas)
    const [one, other] = await Promise.all([refresh(replicas, tokens.refresh), refresh(replicas, tokens.refresh)])
    expect(one.json()['refresh_token']).to.equal(other.json()['refresh_token'])
  })

  it('statelessSessions: what two tabs add to a session is not lost, and sid stays the same', async () => {
    const asked = JSON.stringify({ id_token: { sid: null } })
    const browser = new Browser(replicas)
    const sids = new Set<unknown>()
    for (let n = 0; n < 2; n++) {
      const tokens = await getTokens(replicas, { browser, parameters: { claims: asked } })
      sids.add((JSON.parse(Buffer.from(tokens.id.split('.')[1]!, 'base64url').toString()) as { sid: unknown }).sid)
    }
    expect(sids.size).to.equal(1)
    expect([...sids][0]).to.be.a('string')
  })

  it('endSessions: Session.prototype.destroy ends the session and what it gave, but not offline access', async () => {
    const browser = new Browser(replicas)
    const bound = await getTokens(replicas, { browser })
    const offline = await getTokens(replicas, {
      browser,
      parameters: { scope: 'openid offline_access', prompt: 'consent' },
    })
    const thief = browser.copy()
    const page = await browser.follow(
      `${replicas.issuer}/session/end?${new URLSearchParams({ id_token_hint: bound.id, post_logout_redirect_uri: 'https://app.example.com/bye', state: 'x' }).toString()}`,
    )
    const left = await browser.submit(page, '/session/end/confirm', { logout: 'yes' })
    expect(left.location).to.equal('https://app.example.com/bye?state=x')
    expect((await refresh(replicas, bound.refresh)).json()['error']).to.equal('invalid_grant')
    expect((await introspect(replicas, bound.access)).json()).to.deep.equal({ active: false })
    expect((await refresh(replicas, offline.refresh)).status).to.equal(200)
    for (const one of [browser, thief]) {
      const again = await one.follow(authorizationUrl(replicas.issuer, request(pkce())))
      expect(again.body).to.contain('id="password"')
    }
  })

  it('a logout of nobody goes on at once, by a redirect without a script', async () => {
    const { id } = await getTokens(replicas)
    const query = new URLSearchParams({
      id_token_hint: id,
      post_logout_redirect_uri: 'https://app.example.com/bye',
      state: 'x',
    })
    const left = await new Browser(replicas).follow(`${replicas.issuer}/session/end?${query.toString()}`)
    expect(left.location).to.equal('https://app.example.com/bye?state=x')
    const foreign = new URLSearchParams({ client_id: 'app.web', post_logout_redirect_uri: 'https://evil.test/' })
    const refused = await new Browser(replicas).follow(`${replicas.issuer}/session/end?${foreign.toString()}`)
    expect([refused.status, refused.location]).to.deep.equal([400, undefined])
    const plain = await new Browser(replicas).follow(`${replicas.issuer}/session/end`)
    expect(plain.status).to.equal(200)
  })
})
