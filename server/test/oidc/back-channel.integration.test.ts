import type { ServerResponse } from 'node:http'
import { expect } from 'chai'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import type { JSONWebKeySet } from 'jose'
import { Browser, authorizationUrl, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, redeem, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '@nauthera/server/store/driver/database'
import { outboxSettled, waitFor } from '../store/wait-for.ts'
import { toldApps } from './told-app.ts'
import type { ToldApp } from './told-app.ts'

// OpenID Connect Back-Channel Logout 1.0, with applications that answer over TLS. All three replicas take work from the outbox.

const clearAll = statement('test-logouts-clear', 'DELETE FROM outbox')
const crowd = 1000
const useByMany = statement(
  'test-session-of-many',
  `INSERT INTO devices (session_uid, client_uid, client_id, user_id, sid, auth_time, expires_at)
   SELECT session_uid, 'uid-app.crowd-' || n, 'app.crowd-' || n, user_id, 'sid-' || n, auth_time, expires_at
   FROM devices, generate_series(1, $2::integer) n WHERE user_id = $1 AND client_uid = '' AND revoked_at IS NULL`,
)
const liveUses = statement(
  'test-session-live',
  'SELECT count(*)::integer AS live FROM devices WHERE user_id = $1 AND revoked_at IS NULL',
)

describe('OpenID Connect Back-Channel Logout 1.0', () => {
  let replicas: ServerReplicas
  let apps: Awaited<ReturnType<typeof toldApps>>
  let one: ToldApp
  let two: ToldApp
  let many: ToldApp
  let userId: string
  before(async () => {
    apps = await toldApps()
    one = await apps.start()
    two = await apps.start()
    many = await apps.start()
    replicas = await startReplicas({ count: 3 })
    await replicas.serve([
      entry('app.one', { ...configs.web, clientName: 'One', backchannelLogoutUri: one.uri }),
      entry('app.two', {
        ...configs.web,
        clientName: 'Two',
        backchannelLogoutUri: two.uri,
        backchannelLogoutSessionRequired: true,
        idTokenSignedResponseAlg: 'ES256',
      }),
      entry('app.mute', { ...configs.web, clientName: 'Mute' }),
      entry('app.inside', { ...configs.web, backchannelLogoutUri: 'https://10.1.2.3/logout' }),
      // of a namespace and at an address of their own: what is still on its way to them disturbs no other test
      ...Array.from({ length: crowd }, (_, n) => {
        const config = { ...configs.web, clientName: `Crowd ${n + 1}`, backchannelLogoutUri: many.uri }
        return Object.assign(entry(`app.crowd-${n + 1}`, config), { namespace: 'crowd' })
      }),
    ])
    userId = await addPerson(replicas, 'ada')
  })
  after(async () => {
    await replicas?.stop()
    await apps?.stop()
  })
  beforeEach(() => {
    for (const app of [one, two]) {
      app.tokens.length = 0
      app.answer((response) => void response.writeHead(200).end())
    }
  })

  const store = () => replicas.apps[0]!.store
  const settled = () => outboxSettled(store().outbox)

  async function signIn(browser: Browser, ...clientIds: readonly string[]): Promise<string[]> {
    const tokens: string[] = []
    for (const clientId of clientIds) {
      const code = await fetchCode(replicas, { browser, parameters: { client_id: clientId } })
      tokens.push(tokensOf(await redeem(replicas, code, { clientId })).id)
    }
    return tokens
  }

  async function signOut(browser: Browser, parameters: Record<string, string> = {}) {
    const page = await browser.follow(`${replicas.issuer}/logout?${new URLSearchParams(parameters).toString()}`)
    return browser.submit(page, '/logout/confirm', { logout: 'yes' })
  }

  const verified = async (token: string, clientId: string) =>
    jwtVerify(token, createLocalJWKSet((await send(replicas, { path: '/jwks' })).json() as unknown as JSONWebKeySet), {
      issuer: replicas.issuer,
      audience: clientId,
      typ: 'logout+jwt',
    })

  it('section 2.1: discovery says that it is there, with sessions', async () => {
    const metadata = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
    expect(metadata).to.include({ backchannel_logout_supported: true, backchannel_logout_session_supported: true })
  })

  it('section 2.4: a logout that one application begins is told to it and to the others, once each, by three replicas', async () => {
    const browser = new Browser(replicas)
    const [ofOne, ofTwo] = await signIn(browser, 'app.one', 'app.two', 'app.mute')
    const left = await signOut(browser, {
      id_token_hint: ofOne!,
      post_logout_redirect_uri: 'https://app.example.com/bye',
    })
    expect(left.location).to.equal('https://app.example.com/bye')
    await settled()
    for (const [app, clientId, id, algorithm] of [
      [one, 'app.one', ofOne!, 'RS256'],
      [two, 'app.two', ofTwo!, 'ES256'],
    ] as const) {
      expect(app.tokens, clientId).to.have.length(1)
      const { payload, protectedHeader } = await verified(app.tokens[0]!, clientId)
      expect(protectedHeader.alg).to.equal(algorithm)
      expect(payload).to.have.all.keys('iss', 'aud', 'sub', 'sid', 'iat', 'exp', 'jti', 'events')
      expect(payload).to.deep.include({ sub: userId, sid: claimsOfJwt(id)['sid'] })
      expect(payload['events']).to.deep.equal({ 'http://schemas.openid.net/event/backchannel-logout': {} })
      expect(payload.exp! - payload.iat!).to.equal(120)
    }
    expect(claimsOfJwt(one.tokens[0]!)['sid']).not.to.equal(claimsOfJwt(two.tokens[0]!)['sid'])
  })

  it('RFC 8725 3.11 a logout token is no ID token: as id_token_hint it is refused, for an authorization and for a logout', async () => {
    const browser = new Browser(replicas)
    const [id] = await signIn(browser, 'app.one')
    await signOut(browser, { id_token_hint: id! })
    await settled()
    const [logoutToken] = one.tokens
    const asked = (hint: string) => ({
      ...request(pkce(), { client_id: 'app.one', prompt: 'none', id_token_hint: hint }),
    })
    const errorFor = async (hint: string) => {
      const { location } = await new Browser(replicas).follow(authorizationUrl(replicas.issuer, asked(hint)))
      return new URL(location!).searchParams.get('error')
    }
    expect([await errorFor(id!), await errorFor(logoutToken!)]).to.deep.equal(['login_required', 'invalid_request'])
    const end = (hint: string) => new Browser(replicas).follow(`/logout?id_token_hint=${hint}`)
    expect([(await end(id!)).status, (await end(logoutToken!)).status]).to.deep.equal([200, 400])
  })

  it('section 2.5: of a person with two sessions only the one that ended is named', async () => {
    const [here, there] = [new Browser(replicas), new Browser(replicas)]
    const [ofHere] = await signIn(here, 'app.one')
    await signIn(there, 'app.one')
    await signOut(here)
    await settled()
    expect(one.tokens.map((token) => claimsOfJwt(token)['sid'])).to.deep.equal([claimsOfJwt(ofHere!)['sid']])
  })

  it('section 2.5: every session that the command line or the help desk ends is told, each with its own sid', async () => {
    const ids = [
      ...(await signIn(new Browser(replicas), 'app.one')),
      ...(await signIn(new Browser(replicas), 'app.one')),
    ]
    await store().users.revokeSessions(userId, [])
    await settled()
    const sids = (tokens: readonly string[]) => tokens.map((token) => String(claimsOfJwt(token)['sid']))
    expect(sids(one.tokens)).to.include.members(sids(ids))
    expect(new Set(one.tokens.map((token) => claimsOfJwt(token)['jti'])).size).to.equal(one.tokens.length)
  })

  it('L16 an address of the cluster that outbound.allow does not list gets no packet, and the log says why', async () => {
    const browser = new Browser(replicas)
    await signIn(browser, 'app.inside')
    await signOut(browser)
    await waitFor(async () => {
      const told = replicas.lines.some((line) => line.includes('outbound.allow does not list it for backchannel'))
      return told ? undefined : 'no line about the address'
    })
    await store().database.query(clearAll)
  })

  it('L17 the person does not wait for an application: it is told when the page is there, and has not answered by then', async () => {
    let answer = (): void => undefined
    one.answer((response) => void (answer = () => response.writeHead(204).end()))
    const browser = new Browser(replicas)
    await signIn(browser, 'app.one')
    const page = await signOut(browser)
    expect(page.body).to.include('You are signed out')
    await one.got(1)
    expect(await store().outbox.waiting()).to.equal(1)
    answer()
    await settled()
  })

  it(`L17 the person waits for none of ${crowd} applications of a session: all have ended and are shown before one answers`, async () => {
    const mute: ServerResponse[] = []
    many.answer((response) => void mute.push(response))
    const id = await addPerson(replicas, 'popular')
    const browser = new Browser(replicas)
    await browser.authorize(`${replicas.issuer}/account`, 'popular').catch(() => undefined)
    await store().database.query(useByMany, [id, crowd])
    const question = await browser.follow('/logout')
    try {
      const page = await browser.submit(question, '/logout/confirm', { logout: 'yes' })
      expect(await store().database.query(liveUses, [id])).to.deep.equal([{ live: 0 }])
      for (const { body } of [question, page]) expect(body.match(/Crowd \d+/g)).to.have.length(crowd)
      expect(await store().outbox.waiting(), 'nobody was waited for').to.equal(crowd)
    } finally {
      await store().database.query(clearAll)
      for (const response of mute) response.end()
    }
  })

  it('L17 an application that answers without an end counts as told, and one that redirects is not followed', async () => {
    one.answer((response) => {
      response.writeHead(200)
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', more)
      more()
    })
    two.answer((response) => void response.writeHead(302, { location: one.uri }).end())
    const browser = new Browser(replicas)
    await signIn(browser, 'app.one', 'app.two')
    await signOut(browser)
    await Promise.all([one.got(1), two.got(1)])
    await waitFor(async () => ((await store().outbox.waiting()) === 1 ? undefined : 'one is still to be told'))
    expect([one.tokens.length, two.tokens.length]).to.deep.equal([1, 1])
    await store().database.query(clearAll)
  })

  it('section 2.8: an application that answers 400 is given up at once, and the audit log says so', async () => {
    one.answer((response) => void response.writeHead(400).end('{"error":"invalid_request"}'))
    const browser = new Browser(replicas)
    await signIn(browser, 'app.one')
    await signOut(browser)
    await settled()
    const [event] = await store().audit.search({ event: 'logout.backchannel_failed', limit: 1 })
    expect(event).to.deep.include({ userId, clientId: 'app.one', reason: 'the application answered 400' })
  })

  it('the page of somebody who signs out everywhere says which applications are told', async () => {
    const browser = new Browser(replicas)
    await signIn(browser, 'app.one', 'app.mute')
    const url = `${replicas.issuer}/account/sign-out-everywhere`
    await browser.authorize(url, 'ada').catch(() => undefined)
    const page = await browser.submit(await browser.follow(url), '/account/sign-out-everywhere', { end: 'yes' })
    const items = [...page.body.matchAll(/<li>([\s\S]*?)<\/li>/g)].map(([, item = '']) => item.replace(/<[^>]*>/g, ''))
    expect(items.map((item) => item.trim())).to.include.members([
      'Mute: at once.',
      'One: at once. The application is told as soon as it can be reached.',
    ])
    await settled()
    expect(one.tokens).to.have.length(1)
    expect(decodeProtectedHeader(one.tokens[0]!).typ).to.equal('logout+jwt')
  })
})
