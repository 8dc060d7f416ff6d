import { expect } from 'chai'
import { createServer } from 'node:https'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, introspect, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'
import { outboxSettled } from '../store/wait-for.ts'
import { toldApps } from './told-app.ts'

// Pairwise subjects (OpenID Connect Core 1.0 section 8): what a client gets says the same subject everywhere, and nowhere the id.

const api = 'https://api.example.com'
/** Where `app.one` calls, and where that API calls on for the same person. */
const [orders, stock] = ['https://orders.example.com', 'https://stock.example.com'] as const
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
/** An API that people also sign in to. */
const ordersRedirect = `${orders}/callback`
/** Of requests whose code is not redeemed. */
const proof = pkce()

const pairwise = { ...configs.web, subjectType: 'pairwise' } as const
/** APIs, one of each kind. */
const exchanging: readonly (readonly [
  clientId: string,
  more: { readonly subjectType?: 'pairwise'; readonly accessTokenFormat?: 'opaque' },
])[] = [
  ['orders.pairwise', { subjectType: 'pairwise' }],
  ['orders.opaque', { subjectType: 'pairwise', accessTokenFormat: 'opaque' }],
  ['orders.public', {}],
]

const identifierOf = (clientId: string): string => `https://${clientId}.example.com`
const exchangers = exchanging.map(([clientId]) => identifierOf(clientId))
const grantedAll = { granted: Object.fromEntries(exchangers.map((identifier) => [identifier, []])) }

describe('pairwise subjects', () => {
  let replicas: ServerReplicas
  let apps: Awaited<ReturnType<typeof toldApps>>
  let sector: Awaited<ReturnType<typeof startSector>>
  let userId: string
  let told: Awaited<ReturnType<typeof apps.start>>
  /** Of every test; one that adds others serves these with them. */
  const clients = () => {
    const ofSector = { ...pairwise, sectorIdentifierUri: sector.uri, redirectUris: [redirectUri] }
    return [
      entry('app.public', configs.web),
      entry('app.one', { ...pairwise, backchannelLogoutUri: told.uri, audiences: [api] }),
      entry('app.same', { ...pairwise, userinfoSignedResponseAlg: 'ES256' }),
      entry('app.sector', ofSector),
      entry('app.member', { ...ofSector, audiences: [api], accessTokenFormat: 'JWT' }),
      entry('app.stranger', { ...ofSector, redirectUris: ['https://stranger.example.com/cb'] }),
      entry('app.caller', { ...pairwise, audiences: exchangers }, grantedAll),
      entry('app.caller-public', { ...configs.web, audiences: exchangers }, grantedAll),
      ...exchanging.map(([clientId, more]) =>
        entry(
          clientId,
          {
            ...configs.web,
            grantTypes: [...configs.web.grantTypes, exchangeGrant],
            resourceServer: { identifier: identifierOf(clientId) },
            audiences: [stock],
            redirectUris: [ordersRedirect],
            ...more,
          },
          { granted: { [stock]: [] } },
        ),
      ),
      entry('app.stock', { ...configs.api, resourceServer: { identifier: stock } }),
      entry('app.api', { ...configs.machine, resourceServer: { identifier: api } }),
    ]
  }
  before(async () => {
    apps = await toldApps()
    told = await apps.start()
    sector = await startSector()
    replicas = await startReplicas({ count: 2 })
    await replicas.serve(clients())
    userId = await addPerson(replicas, 'ada')
  })
  after(async () => {
    await replicas?.stop()
    await sector?.stop()
    await apps?.stop()
  })

  async function signIn(clientId: string, parameters: Record<string, string> = {}, browser = new Browser(replicas)) {
    const code = await fetchCode(replicas, { browser, parameters: { client_id: clientId, ...parameters } })
    const answer = await redeem(replicas, code, {
      clientId,
      form: parameters['resource'] === undefined ? {} : { resource: parameters['resource'] },
    })
    return { ...tokensOf(answer), browser, all: `${code.back.href}\n${answer.body}` }
  }
  const userinfo = async (access: string) =>
    send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
  const subOf = (jwt: string) => String(claimsOfJwt(jwt)['sub'])
  const offline = { scope: 'openid offline_access' }

  it('8.1 two clients of one sector agree, and of two sectors differ', async () => {
    const subjects = await Promise.all(
      ['app.one', 'app.same', 'app.sector', 'app.member', 'app.public'].map(async (id) => subOf((await signIn(id)).id)),
    )
    const [one, same, ofSector, member, ofPublic] = subjects
    expect(one).to.equal(same)
    expect(ofSector).to.equal(member)
    expect(ofPublic).to.equal(userId)
    expect(new Set([one, ofSector, ofPublic]).size).to.equal(3)
  })

  it('8 ID token, userinfo, introspection, signed access token, refresh and logout token say the same, and the id of the person is in none of it', async () => {
    const first = await signIn('app.one', offline)
    const subject = subOf(first.id)
    const seen = [first.all]
    const me = await userinfo(first.access)
    expect(me.json()['sub']).to.equal(subject)
    const known = await introspect(replicas, first.access, { clientId: 'app.one' })
    expect(known.json()).to.include({ active: true, sub: subject })
    const next = await refresh(replicas, first.refresh, { clientId: 'app.one' })
    expect(subOf(tokensOf(next).id)).to.equal(subject)
    const forApi = await signIn('app.one', { ...offline, resource: api })
    expect(subOf(forApi.access)).to.equal(subject)
    const byApi = await introspect(replicas, forApi.access, { clientId: 'app.api' })
    expect(byApi.json()).to.include({ active: true, sub: subject })
    const signed = await userinfo((await signIn('app.same')).access)
    expect(subOf(signed.body)).to.equal(subject)
    told.tokens.length = 0
    const page = await first.browser.follow(`${replicas.issuer}/logout?id_token_hint=${first.id}`)
    seen.push(page.body)
    await first.browser.submit(page, '/logout/confirm', { logout: 'yes' })
    await outboxSettled(replicas.apps[0]!.store.outbox)
    expect(told.tokens.map(subOf)).to.include(subject)
    seen.push(me.body, known.body, next.body, forApi.all, byApi.body, signed.body, ...told.tokens)
    for (const text of seen) expect(readable(text)).not.to.contain(userId)
  })

  it('5.5.1 3.1.2.1 a hint, and a subject that the request names, are compared with the subject of the client', async () => {
    const { id, browser } = await signIn('app.one')
    const ask = async (more: Record<string, string>) => {
      const { verifier: _verifier, ...pkce } = proof
      const asked = request(
        { verifier: '', challenge: pkce.challenge },
        { client_id: 'app.one', prompt: 'none', ...more },
      )
      return new URL((await browser.follow(authorizationUrl(replicas.issuer, asked))).location!).searchParams
    }
    const named = (value: string) => ({ claims: JSON.stringify({ id_token: { sub: { value } } }) })
    expect((await ask({ id_token_hint: id })).has('code')).to.equal(true)
    expect((await ask(named(subOf(id)))).has('code')).to.equal(true)
    expect((await ask(named(userId))).get('error')).to.equal('login_required')
    const fresh = new Browser(replicas)
    const hinted = request(proof, { client_id: 'app.one', id_token_hint: id })
    const back = await fresh.authorize(authorizationUrl(replicas.issuer, hinted), 'ada')
    expect(back.searchParams.has('code')).to.equal(true)
  })

  describe('RFC 8693 2.2.1 a token exchange computes the subject anew, for the client of the new token', () => {
    /** The subject that an API knows the person by, when they sign in to it themselves. */
    async function ownSubject(clientId: string): Promise<string> {
      const parameters = { client_id: clientId, redirect_uri: ordersRedirect }
      const code = await fetchCode(replicas, { parameters })
      return subOf(tokensOf(await redeem(replicas, code, { clientId, form: { redirect_uri: ordersRedirect } })).id)
    }
    async function exchanged(from: string, clientId: string) {
      const { access } = await signIn(from, { resource: identifierOf(clientId), scope: 'openid' })
      const answer = await send(replicas, {
        path: '/token',
        headers: basic(clientId, clientSecret),
        form: {
          grant_type: exchangeGrant,
          subject_token: access,
          subject_token_type: accessTokenType,
          resource: stock,
        },
      })
      expect(answer.status, answer.body).to.equal(200)
      const known = await introspect(replicas, tokensOf(answer).access, { clientId: 'app.stock' })
      return { before: subOf(access), answer, known: known.json() }
    }

    for (const from of ['app.caller', 'app.caller-public'])
      for (const [clientId, { subjectType = 'public' }] of exchanging)
        it(`from ${from} by ${clientId}, which has ${subjectType} subjects`, async () => {
          const { before, answer, known } = await exchanged(from, clientId)
          expect(before === userId).to.equal(from === 'app.caller-public')
          const wanted = await ownSubject(clientId)
          expect(wanted === userId).to.equal(subjectType === 'public')
          expect(known).to.include({ active: true, aud: stock, client_id: clientId, sub: wanted })
          expect(wanted === before).to.equal(from === 'app.caller-public' && subjectType === 'public')
          const { access } = tokensOf(answer)
          if (access.includes('.')) expect(subOf(access)).to.equal(wanted)
          if (subjectType === 'public') return
          for (const text of [answer.body, JSON.stringify(known)]) {
            expect(readable(text)).not.to.contain(userId)
            // nor the subject of the one before: the two sectors cannot be put together by it
            expect(readable(text)).not.to.contain(before)
          }
        })
  })

  it('the subject outlives a rename, and is the same at another replica', async () => {
    const before = subOf((await signIn('app.one')).id)
    const { database } = replicas.apps[0]!.store
    await database.query(
      statement(
        'test-rename',
        "UPDATE users SET username = 'lovelace', canonical_username = 'lovelace' WHERE username = 'ada'",
      ),
    )
    const code = await fetchCode(replicas, { username: 'lovelace', parameters: { client_id: 'app.one' } })
    const answer = await redeem(replicas, code, { clientId: 'app.one', replica: 1 })
    expect(subOf(tokensOf(answer).id)).to.equal(before)
    await database.query(
      statement(
        'test-rename-back',
        "UPDATE users SET username = 'ada', canonical_username = 'ada' WHERE username = 'lovelace'",
      ),
    )
  })

  it('a client of a sector asks for people once its document lists it, and while that is away', async () => {
    const refused = await new Browser(replicas).follow(
      authorizationUrl(
        replicas.issuer,
        request(proof, { client_id: 'app.stranger', redirect_uri: 'https://stranger.example.com/cb' }),
      ),
    )
    expect(refused.status).to.equal(400)
    expect(refused.body).to.contain('does not list')
    await sector.stop()
    expect(subOf((await signIn('app.sector')).id)).to.match(/^[\w-]{43}$/)
    const pushed = await send(replicas, {
      replica: 1,
      path: '/request',
      headers: basic('app.sector', clientSecret),
      form: request(proof, { client_id: 'app.sector' }),
    })
    expect(pushed.status, pushed.body).to.equal(201)
  })

  it('what a person or the help desk ends is ended for a client with pairwise subjects too', async () => {
    const { access, refresh: token } = await signIn('app.one', offline)
    const { store } = replicas.apps[0]!
    await store.consents.revoke(userId, entry('app.one', configs.web).uid, [])
    expect((await refresh(replicas, token, { clientId: 'app.one' })).json()['error']).to.equal('invalid_grant')
    expect((await userinfo(access)).status).to.equal(401)
  })

  for (const [what, before, after] of [
    ['moves to the sector of others', pairwise, { ...pairwise, redirectUris: ['https://other.example.com/callback'] }],
    ['becomes public', pairwise, configs.web],
    ['becomes pairwise', configs.web, pairwise],
  ] as const)
    it(`a client that ${what} is told of a session's end with the subject that it got in it, and learns no other`, async () => {
      const served = (config: object) => [
        ...clients(),
        entry('app.told', { ...config, backchannelLogoutUri: told.uri }),
      ]
      await replicas.serve(served(before))
      const { id, browser } = await signIn('app.told')
      await replicas.serve(served(after))
      told.tokens.length = 0
      const page = await browser.follow(`${replicas.issuer}/logout`)
      await browser.submit(page, '/logout/confirm', { logout: 'yes' })
      await outboxSettled(replicas.apps[0]!.store.outbox)
      expect(told.tokens.map((token) => claimsOfJwt(token)['aud'])).to.include('app.told')
      const [token] = told.tokens.filter((one) => claimsOfJwt(one)['aud'] === 'app.told')
      expect(claimsOfJwt(token!)).to.include({ sub: subOf(id), sid: claimsOfJwt(id)['sid'] })
    })

  for (const [what, moved] of [
    ['document', { sectorIdentifierUri: 'https://other.example.com/sector' }],
    ['redirect URI', { redirectUris: ['https://other.example.com/callback'] }],
  ] as [string, object][])
    it(`a client that moves to the sector of others by its ${what} learns no subject there from what it got before`, async () => {
      const ids = ['app.moves', 'app.was-public']
      const own = [entry('app.moves', pairwise), entry('app.was-public', configs.web)]
      await replicas.serve([...clients(), ...own])
      const got = await Promise.all(ids.map(async (clientId) => ({ ...(await signIn(clientId, offline)), clientId })))
      await replicas.serve([...clients(), ...ids.map((id) => entry(id, { ...pairwise, ...moved }))])
      for (const { clientId, access, refresh: token } of got) {
        expect((await userinfo(access)).status, clientId).to.equal(401)
        expect((await introspect(replicas, access, { clientId })).json(), clientId).to.deep.equal({ active: false })
        expect((await refresh(replicas, token, { clientId })).json()['error'], clientId).to.equal('invalid_grant')
      }
      // back in its own sector, what it has is good again
      await replicas.serve([...clients(), ...own])
      expect((await introspect(replicas, got[0]!.access, { clientId: 'app.moves' })).json()).to.include({
        active: true,
      })
    })
})

/** The text, and what is inside of the JWTs in it. */
function readable(text: string): string {
  const parts = [...text.matchAll(/[A-Za-z0-9_-]{20,}/g)].map(([part]) => Buffer.from(part, 'base64url').toString())
  return [text, decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25')), ...parts].join('\n')
}

/** The document of a sector, over TLS that this process trusts. */
async function startSector() {
  const authority = await createAuthority({ name: 'sector', lifetimeMs: 3_600_000 })
  const { cert, key } = await issueLeaf(authority, { usage: 'server', dnsNames: ['localhost'] })
  setDefaultCACertificates([...getCACertificates('default'), authority.cert])
  const server = createServer({ cert, key }, (_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify([redirectUri]))
  })
  const port = await listenOnLoopback(server)
  return {
    uri: `https://localhost:${port}/sector`,
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
