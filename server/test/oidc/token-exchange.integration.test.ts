import { expect } from 'chai'
import * as client from 'openid-client'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { requestDeviceCode, deviceGrant } from '@nauthera/harness/device'
import { claimsOfJwt, fetchCode, introspect, redeem, request, revoke, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'

// An API trades the access token that it received for one of another API (RFC 8693): a shop calls orders, orders calls stock, and so on
// down a line of APIs. payroll is of another team and lets none of them in.

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
/** Some have a bare name. */
const api = (name: string) => (['stock', 'lorry'].includes(name) ? name : `https://${name}.example.com`)
const scopesOf = (name: string) => [`${name}:read`, `${name}:write`]

describe('RFC 8693 token exchange', () => {
  let replicas: ServerReplicas
  let ada: string

  const exchanging = (name: string, next: readonly string[], more: object = {}) => ({
    ...configs.api,
    grantTypes: ['client_credentials', grantType],
    resourceServer: { identifier: api(name), scopes: scopesOf(name) },
    audiences: next.map(api),
    scopes: next.flatMap(scopesOf),
    ...more,
  })
  const web = (more: object = {}) => ({
    ...configs.web,
    audiences: [api('orders'), api('stock')],
    scopes: [...configs.web.scopes, ...scopesOf('orders'), ...scopesOf('stock')],
    ...more,
  })
  const granted = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [api(name), scopesOf(name)]))
  const line = ['orders', 'stock', 'depot', 'lorry', 'road', 'map'] as const
  const clients = () => [
    entry('app.web', web(), { granted: granted('orders', 'stock') }),
    entry('app.opaque', web({ accessTokenFormat: 'opaque' }), { granted: granted('orders', 'stock') }),
    entry(
      'app.machine',
      { ...configs.machine, audiences: [api('orders')], scopes: scopesOf('orders') },
      { granted: granted('orders') },
    ),
    entry('app.device', {
      ...configs.spa,
      type: 'Device',
      redirectUris: [],
      corsOrigins: [],
      grantTypes: [deviceGrant],
    }),
    entry('shop.orders', exchanging('orders', ['orders', 'stock', 'payroll']), {
      granted: { ...granted('orders'), [api('stock')]: ['stock:read'] },
    }),
    ...line
      .slice(1, -1)
      .map((name, at) => entry(`shop.${name}`, exchanging(name, [line[at + 2]!]), { granted: granted(line[at + 2]!) })),
    entry('shop.map', { ...configs.api, resourceServer: { identifier: api('map'), scopes: scopesOf('map') } }),
    entry('shop.plain', { ...configs.api, resourceServer: { identifier: api('plain'), scopes: [] } }),
    entry('team.payroll', {
      ...configs.api,
      resourceServer: { identifier: api('payroll'), scopes: scopesOf('payroll') },
    }),
  ]

  before(async () => {
    replicas = await startReplicas({ count: 2 })
    await replicas.serve(clients())
    ada = await addPerson(replicas, 'ada', ['engineers'])
  })
  after(() => replicas.stop())

  /** A token of ada for an API, as the shop's application shows it there. */
  const received = async (options: { scope?: string; resource?: string; clientId?: string } = {}): Promise<string> => {
    const { scope = 'orders:read orders:write', resource = api('orders'), clientId = 'app.web' } = options
    const parameters = { client_id: clientId, resource, scope: `openid ${scope}` }
    const code = await fetchCode(replicas, { parameters })
    return tokensOf(await redeem(replicas, code, { clientId, form: { resource } })).access
  }
  const exchange = (
    token: string,
    form: Record<string, string> | [string, string][] = {},
    options: { clientId?: string; replica?: number; headers?: Record<string, string> } = {},
  ): Promise<Answer> => {
    const usual = { subject_token: token, subject_token_type: accessTokenType }
    const more = Array.isArray(form) ? form : Object.entries({ ...usual, ...form }).filter(([, value]) => value !== '')
    return send(replicas, {
      path: '/token',
      replica: options.replica ?? 0,
      headers: { ...basic(options.clientId ?? 'shop.orders', clientSecret), ...options.headers },
      form: [['grant_type', grantType], ...(Array.isArray(form) ? Object.entries(usual) : []), ...more],
    })
  }
  const stock = { resource: api('stock') }
  const refusalOf = (answer: Answer) => {
    const { error, error_description: text } = answer.json() as Record<string, string>
    return { status: answer.status, error, text: text ?? '' }
  }
  const lastAudited = (event: string) =>
    replicas.lines
      .map((text) => JSON.parse(text) as Record<string, unknown>)
      .filter((each) => each['event'] === event)
      .at(-1)

  it('whatever the grant is, a refused scope is named with its object and the field, in the answer and in the audit line', async () => {
    const web = basic('app.web', clientSecret)
    const code = await redeem(replicas, await fetchCode(replicas, { parameters: { scope: 'openid email' } }))
    const refreshing = (scope: string) =>
      send(replicas, {
        path: '/token',
        headers: web,
        form: { grant_type: 'refresh_token', refresh_token: tokensOf(code).refresh, scope },
      })
    const machine = (clientId: string, scope: string) =>
      send(replicas, {
        path: '/token',
        headers: basic(clientId, clientSecret),
        form: { grant_type: 'client_credentials', scope },
      })
    const elsewhere = `for an API: name that in resource (${api('orders')})`
    const cases: readonly [answer: Answer, text: string][] = [
      [await machine('app.machine', 'magic'), 'magic is not in spec.scopes of default/app-machine'],
      [
        await send(replicas, {
          path: '/request',
          headers: web,
          form: request(pkce(), { scope: 'openid orders:read' }),
        }),
        `orders:read is in spec.scopes of default/app-web ${elsewhere}`,
      ],
      [
        await refreshing('openid orders:read magic'),
        'orders:read is in spec.scopes of default/app-web, and the refresh token does not have it; magic is not in spec.scopes of default/app-web',
      ],
      [
        await refreshing('profile'),
        'profile is in spec.scopes of default/app-web, and the refresh token does not have it',
      ],
      [await requestDeviceCode(replicas, { scope: 'phone' }), 'phone is not in spec.scopes of default/app-device'],
      [
        await exchange(await received(), { ...stock, scope: 'stock:write' }),
        'stock:write is in spec.scopes of default/shop-orders and not granted: its condition AudiencesGranted says why',
      ],
    ]
    for (const [answer, text] of cases)
      expect(refusalOf(answer)).to.deep.equal({ status: 400, error: 'invalid_scope', text })
    const reasons = replicas.lines.map((line) => (JSON.parse(line) as { reason?: string }).reason)
    expect(reasons).to.include.members(cases.map(([, text]) => text))
  })

  it('2.2.1 gives a token for the other API, of the same person, with what the API is granted there', async () => {
    const answer = await exchange(await received(), { ...stock, scope: 'stock:read' })
    const { access_token: token, ...said } = answer.json() as Record<string, string>
    expect(said).to.include({ issued_token_type: accessTokenType, token_type: 'Bearer', scope: 'stock:read' })
    expect(said).not.to.have.any.keys('refresh_token', 'id_token')
    expect(answer.headers['cache-control']).to.equal('no-store')
    expect(claimsOfJwt(token!)).to.include({
      aud: api('stock'),
      sub: ada,
      client_id: 'shop.orders',
      scope: 'stock:read',
    })
    expect(lastAudited('token.issued')).to.deep.include({
      client: 'shop.orders',
      user: ada,
      detail: { grant: 'token_exchange', api: api('stock'), from: 'app.web', acting: 'shop.orders' },
    })
  })

  it('openid-client: exchanges a token by its generic grant', async () => {
    const config = await client.discovery(
      new URL(replicas.issuer),
      'shop.orders',
      undefined,
      client.ClientSecretBasic(clientSecret),
      { execute: [client.allowInsecureRequests] },
    )
    expect(config.serverMetadata().grant_types_supported).to.include(grantType)
    const tokens = await client.genericGrantRequest(config, grantType, {
      subject_token: await received(),
      subject_token_type: accessTokenType,
      audience: api('stock'),
    })
    expect([tokens['issued_token_type'], tokens.scope]).to.deep.equal([accessTokenType, undefined])
  })

  it('2.1 an opaque token is exchanged as a JWT is, on any replica', async () => {
    const token = await received({ clientId: 'app.opaque' })
    expect(token).to.match(/^nr_/)
    const answer = await exchange(token, { ...stock, scope: 'stock:read' }, { replica: 1 })
    expect(claimsOfJwt(tokensOf(answer).access)).to.include({ sub: ada, aud: api('stock') })
  })

  describe('2.1 the request', () => {
    const cases: readonly [
      sentence: string,
      form: Record<string, string> | [string, string][],
      error: string | undefined,
      text?: RegExp,
    ][] = [
      ['names the API by resource', stock, undefined],
      ['names the API by audience', { audience: api('stock') }, undefined],
      [
        'names one API twice',
        [
          ['resource', api('stock')],
          ['audience', api('stock')],
        ],
        undefined,
      ],
      ['says which token it wants', { ...stock, requested_token_type: accessTokenType }, undefined],
      [
        'names two APIs',
        [
          ['resource', api('stock')],
          ['audience', api('orders')],
        ],
        'invalid_target',
        /one API/,
      ],
      ['names no API where there are several', {}, 'invalid_target', /name the API of the new token in resource/],
      ['names an API that the client may not call', { resource: api('payroll') }, 'invalid_target', /AudiencesGranted/],
      ['names a bare name by the URI that it has in here', { audience: 'bare:stock' }, 'invalid_target', /bare:stock/],
      [
        'names an API that nobody knows',
        { resource: 'https://nobody.example.com' },
        'invalid_target',
        /spec\.audiences/,
      ],
      ['has no subject_token', { ...stock, subject_token: '' }, 'invalid_request', /subject_token is missing/],
      [
        'has no subject_token_type',
        { ...stock, subject_token_type: '' },
        'invalid_request',
        /subject_token_type is missing/,
      ],
      [
        'shows an ID token',
        { ...stock, subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
        'invalid_request',
        /no other token is exchanged/,
      ],
      [
        'shows a refresh token',
        { ...stock, subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
        'invalid_request',
        /no other token is exchanged/,
      ],
      [
        'wants a refresh token',
        { ...stock, requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
        'invalid_request',
        /requested_token_type/,
      ],
      [
        'has an actor_token',
        { ...stock, actor_token: 'x', actor_token_type: accessTokenType },
        'invalid_request',
        /actor_token is not taken/,
      ],
      [
        'has a subject_token that is none',
        { ...stock, subject_token: 'nonsense' },
        'invalid_request',
        /no valid access token/,
      ],
      [
        'has the name of a token inside the server',
        { ...stock, subject_token: 'a-signed-token' },
        'invalid_request',
        /no valid access token/,
      ],
      ['asks for a scope that is not granted', { ...stock, scope: 'stock:write' }, 'invalid_scope', /stock:write/],
      ['asks for a scope about the person', { ...stock, scope: 'openid' }, 'invalid_scope', /openid/],
      ['asks for offline_access', { ...stock, scope: 'offline_access' }, 'invalid_scope', /offline_access/],
    ]
    let token: string
    before(async () => {
      token = await received()
    })
    for (const [sentence, form, error, text = /^/] of cases) {
      it(`${error === undefined ? 'is answered' : 'is refused'} when it ${sentence}`, async () => {
        const answer = await exchange(token, form)
        if (error === undefined) return expect(answer.status, answer.body).to.equal(200)
        const refusal = refusalOf(answer)
        expect([refusal.status, refusal.error]).to.deep.equal([400, error])
        expect(refusal.text).to.match(text)
        return expect(lastAudited('token.refused')).to.include({ client: 'shop.orders', outcome: 'failure' })
      })
    }

    it('T50 is refused to a client that is not given the grant', async () => {
      const refusal = refusalOf(await exchange(token, stock, { clientId: 'shop.plain' }))
      expect([refusal.status, refusal.error]).to.deep.equal([400, 'unauthorized_client'])
      const wrong = await send(replicas, {
        path: '/token',
        headers: basic('shop.orders', 'not-the-secret-of-this-client-at-all'),
        form: { grant_type: grantType, subject_token: token, subject_token_type: accessTokenType, ...stock },
      })
      expect([wrong.status, wrong.json()['error']]).to.deep.equal([401, 'invalid_client'])
    })
  })

  describe('T50 a token that is not exchanged', () => {
    const refused = async (token: string, reason: RegExp, options: Parameters<typeof exchange>[2] = {}) => {
      const refusal = refusalOf(await exchange(token, options.clientId === undefined ? stock : {}, options))
      expect([refusal.status, refusal.error], refusal.text).to.deep.equal([400, 'invalid_request'])
      expect(lastAudited('token.refused')?.['reason']).to.match(reason)
      return refusal.text
    }

    it('of another API: who found one cannot trade it, and learns nothing about it', async () => {
      const ofStock = await received({ resource: api('stock'), scope: 'stock:read' })
      const about = await refused(ofStock, /for another audience/)
      expect(await refused('nonsense', /unknown or expired/)).to.equal(about)
    })

    it('for userinfo, which is for no API', async () => {
      const plain = tokensOf(await redeem(replicas, await fetchCode(replicas))).access
      await refused(plain, /for another audience/)
    })

    it('of a machine', async () => {
      const answer = await send(replicas, {
        path: '/token',
        headers: basic('app.machine', clientSecret),
        form: { grant_type: 'client_credentials' },
      })
      await refused(tokensOf(answer).access, /not of a person/)
    })

    it('with another signature', async () => {
      const token = await received()
      const [head, body, signature] = token.split('.')
      const other = Buffer.from(signature!, 'base64url').map((byte, at) => (at === 3 ? byte ^ 1 : byte))
      await refused(`${head}.${body}.${Buffer.from(other).toString('base64url')}`, /unknown or expired/)
    })

    it('that was revoked, or whose person was disabled', async () => {
      const token = await received()
      expect((await revoke(replicas, token)).status).to.equal(200)
      await refused(token, /has ended/)
      const next = await received()
      const { users } = replicas.apps[0]!.store
      await users.setDisabled(ada, true, [])
      await refused(next, /has ended/).finally(() => users.setDisabled(ada, false, []))
    })

    it('T50 an API that wants a second factor exchanges no token of a sign-in without one', async () => {
      const token = await received()
      const strong = (requiredAcr: string[]) =>
        replicas.serve([
          ...clients().filter(({ clientId }) => clientId !== 'shop.orders'),
          entry('shop.orders', exchanging('orders', ['stock'], { requiredAcr }), { granted: granted('stock') }),
        ])
      await strong(['urn:nauthera:mfa'])
      expect(await refused(token, /access\.requiredAcr/)).to.include('urn:nauthera:mfa')
      await strong(['urn:nauthera:password'])
      expect((await exchange(token, stock)).status).to.equal(200)
      await replicas.serve(clients())
    })

    it('whose client lost the API since, or whose person may not use the API', async () => {
      const token = await received()
      const others = clients().filter(({ clientId }) => clientId !== 'app.web')
      await replicas.serve([...others, entry('app.web', web(), { granted: {} })])
      await refused(token, /may not call this API any more/)
      const closed = exchanging('orders', ['orders', 'stock'], { allowedGroups: ['finance'] })
      await replicas.serve([
        ...clients().filter(({ clientId }) => clientId !== 'shop.orders'),
        entry('shop.orders', closed, { granted: granted('orders', 'stock') }),
      ])
      await refused(token, /allowedGroups/)
      await replicas.serve(clients())
    })
  })

  it('T50 5 within one API a token never has a scope that the one before it lacks, and without a scope it has as many', async () => {
    const narrow = await received({ scope: 'orders:read' })
    const own = { resource: api('orders') }
    const more = refusalOf(await exchange(narrow, { ...own, scope: 'orders:read orders:write' }))
    expect([more.error, more.text]).to.deep.equal([
      'invalid_scope',
      'orders:write is in spec.scopes of default/shop-orders, and the subject token does not have it',
    ])
    expect((await exchange(narrow, own)).json()['scope']).to.equal('orders:read')
    const wide = await received()
    expect((await exchange(wide, { ...own, scope: 'orders:read' })).json()['scope']).to.equal('orders:read')
  })

  it('T50 2.2.1 a token lives no longer than the one that it was traded for', async () => {
    const others = clients().filter(({ clientId }) => clientId !== 'app.web' && clientId !== 'shop.orders')
    await replicas.serve([
      ...others,
      entry('app.web', web({ accessTokenTtl: 60 }), { granted: granted('orders', 'stock') }),
      entry('shop.orders', exchanging('orders', ['stock'], { accessTokenTtl: 3600 }), { granted: granted('stock') }),
    ])
    const token = await received()
    const answer = await exchange(token, stock)
    expect(answer.json()['expires_in']).to.be.within(1, 60)
    expect(claimsOfJwt(tokensOf(answer).access)['exp']).to.be.at.most(Number(claimsOfJwt(token)['exp']))
    await replicas.serve(clients())
  })

  it('T50 an API that exchanges without end is told to wait', async () => {
    const token = await received()
    expect((await exchange(token, stock)).status).to.equal(200)
    // as if it had asked for 199 more
    const more = statement(
      'test-more-children',
      "UPDATE attempts SET places = places || array_fill(until, ARRAY[199]) WHERE key LIKE 'x:%' RETURNING key",
    )
    expect(await replicas.apps[0]!.store.database.query(more, [])).not.to.deep.equal([])
    const answer = await exchange(token, stock)
    expect(refusalOf(answer)).to.include({ status: 429, error: 'temporarily_unavailable' })
    expect(answer.headers['retry-after']).to.equal('30')
    expect((await exchange(await received(), stock)).status).to.equal(200)
  })

  describe('4.1 act', () => {
    it('T50 names each client that acts, the present one first, and the fifth is refused', async () => {
      let token = await received()
      let act: object | undefined
      for (const [at, name] of line.slice(0, 4).entries()) {
        token = tokensOf(await exchange(token, { resource: api(line[at + 1]!) }, { clientId: `shop.${name}` })).access
        act = { sub: `shop.${name}`, ...(act && { act }) }
        expect(claimsOfJwt(token)).to.deep.include({
          act,
          sub: ada,
          client_id: `shop.${name}`,
          acr: 'urn:nauthera:password',
        })
        expect(claimsOfJwt(token)['auth_time']).to.be.a('number')
      }
      const fifth = refusalOf(await exchange(token, { resource: api('map') }, { clientId: 'shop.road' }))
      expect([fifth.error, fifth.text]).to.deep.equal([
        'invalid_request',
        'subject_token was exchanged 4 times already, which is the most',
      ])
    })

    it('RFC 7662 2.2 is in the answer of introspection too, of a JWT and of an opaque token', async () => {
      const token = tokensOf(await exchange(await received(), stock)).access
      const opaque = exchanging('orders', ['stock'], { accessTokenFormat: 'opaque' })
      for (const config of [undefined, opaque]) {
        if (config !== undefined)
          await replicas.serve([
            ...clients().filter(({ clientId }) => clientId !== 'shop.orders'),
            entry('shop.orders', config, { granted: granted('stock') }),
          ])
        const shown = config === undefined ? token : tokensOf(await exchange(await received(), stock)).access
        const about = (await introspect(replicas, shown, { clientId: 'shop.stock' })).json()
        expect(about).to.deep.include({ active: true, sub: ada, client_id: 'shop.orders', act: { sub: 'shop.orders' } })
        expect((await introspect(replicas, shown, { clientId: 'team.payroll' })).json()).to.deep.equal({
          active: false,
        })
      }
      await replicas.serve(clients())
    })
  })

  describe('T50 what ends', () => {
    const isActive = async (token: string, name: string) =>
      (await introspect(replicas, token, { clientId: `shop.${name}` })).json()['active']
    const chain = async () => {
      const first = await received()
      const second = tokensOf(await exchange(first, stock)).access
      const third = tokensOf(await exchange(second, { resource: api('depot') }, { clientId: 'shop.stock' })).access
      return { first, second, third }
    }

    it('with the grant of the sign-in every token that came of it ends', async () => {
      const { first, second, third } = await chain()
      expect([await isActive(second, 'stock'), await isActive(third, 'depot')]).to.deep.equal([true, true])
      await revoke(replicas, first)
      expect([await isActive(second, 'stock'), await isActive(third, 'depot')]).to.deep.equal([false, false])
      expect(refusalOf(await exchange(second, { resource: api('depot') }, { clientId: 'shop.stock' })).error).to.equal(
        'invalid_request',
      )
    })

    it('with a token in between those after it end, and those before it do not', async () => {
      const { first, second, third } = await chain()
      await revoke(replicas, second, { clientId: 'shop.orders' })
      expect([
        await isActive(first, 'orders'),
        await isActive(second, 'stock'),
        await isActive(third, 'depot'),
      ]).to.deep.equal([true, false, false])
      expect((await exchange(first, stock)).status).to.equal(200)
    })

    it('with the session they all end', async () => {
      const proof = pkce()
      const browser = new Browser(replicas)
      const parameters = request(proof, { resource: api('orders'), scope: 'openid orders:read' })
      const back = await browser.authorize(authorizationUrl(replicas.issuer, parameters), 'ada')
      const tokens = tokensOf(
        await redeem(replicas, { value: back.searchParams.get('code')!, proof }, { form: { resource: api('orders') } }),
      )
      const next = tokensOf(await exchange(tokens.access, stock)).access
      const page = await browser.follow(
        `${replicas.issuer}/logout?${new URLSearchParams({ id_token_hint: tokens.id }).toString()}`,
      )
      await browser.submit(page, '/logout/confirm', { logout: 'yes' })
      expect([await isActive(tokens.access, 'orders'), await isActive(next, 'stock')]).to.deep.equal([false, false])
    })

    it("T50 what an application's token was exchanged for ends when the application is removed, loses the API, or may not serve the person any more", async () => {
      const { second, third } = await chain()
      const active = async () => [await isActive(second, 'stock'), await isActive(third, 'depot')]
      const others = clients().filter(({ clientId }) => clientId !== 'app.web')
      const closed = entry('app.web', web({ allowedGroups: ['finance'] }), { granted: granted('orders', 'stock') })
      const lost = entry('app.web', web(), { granted: granted('stock') })
      for (const now of [others, [...others, lost], [...others, closed]]) {
        await replicas.serve(now)
        expect(await active()).to.deep.equal([false, false])
        const next = await exchange(second, { resource: api('depot') }, { clientId: 'shop.stock' })
        expect(refusalOf(next).error).to.equal('invalid_request')
      }
      const between = clients().filter(({ clientId }) => clientId !== 'shop.orders')
      await replicas.serve([...between, entry('shop.orders', exchanging('orders', []), { granted: {} })])
      expect(await active()).to.deep.equal([false, false])
      await replicas.serve(clients())
      expect(await active()).to.deep.equal([true, true])
    })

    it('an API that acts for a person is no application of theirs: the account page lists only what they signed in to', async () => {
      await chain()
      const listed = await replicas.apps[0]!.store.authorizations.clientsOfUser(ada)
      expect(listed.map(({ clientId }) => clientId).filter((id) => id.startsWith('shop.'))).to.deep.equal([])
    })
  })

  describe('RFC 9449 5 a token that is bound to a key', () => {
    const boundToken = async () => {
      const config = await client.discovery(
        new URL(replicas.issuer),
        'app.web',
        undefined,
        client.ClientSecretBasic(clientSecret),
        { execute: [client.allowInsecureRequests] },
      )
      const keys = await client.randomDPoPKeyPair()
      const code = await fetchCode(replicas, { parameters: { resource: api('orders'), scope: 'openid orders:read' } })
      const tokens = await client.authorizationCodeGrant(
        config,
        code.back,
        { pkceCodeVerifier: code.proof.verifier, expectedState: 'a-state' },
        { resource: api('orders') },
        { DPoP: client.getDPoPHandle(config, keys) },
      )
      return { token: tokens.access_token, keys }
    }
    const asOrders = () =>
      client.discovery(new URL(replicas.issuer), 'shop.orders', undefined, client.ClientSecretBasic(clientSecret), {
        execute: [client.allowInsecureRequests],
      })

    it('T50 is exchanged only with a proof of that key, and the new one is bound to it', async () => {
      const { token, keys } = await boundToken()
      const refusal = refusalOf(await exchange(token, stock))
      expect([refusal.error, refusal.text]).to.deep.equal([
        'invalid_request',
        'subject_token is bound to a key: the request needs a DPoP proof of that key',
      ])
      const config = await asOrders()
      const parameters = { subject_token: token, subject_token_type: accessTokenType, ...stock }
      const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
      const wrong = await client
        .genericGrantRequest(config, grantType, parameters, { DPoP: other })
        .catch((error: unknown) => error)
      expect(wrong).to.include({ error: 'invalid_request' })
      const DPoP = client.getDPoPHandle(config, keys)
      const tokens = await client.genericGrantRequest(config, grantType, parameters, { DPoP })
      expect(tokens.token_type).to.equal('dpop')
      expect(claimsOfJwt(tokens.access_token)['cnf']).to.deep.equal({ jkt: await DPoP.calculateThumbprint() })
    })

    it('is what an API gets that shows a key of its own for a token that is bound to none', async () => {
      const config = await asOrders()
      const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
      const parameters = { subject_token: await received(), subject_token_type: accessTokenType, ...stock }
      const tokens = await client.genericGrantRequest(config, grantType, parameters, { DPoP })
      expect(claimsOfJwt(tokens.access_token)['cnf']).to.deep.equal({ jkt: await DPoP.calculateThumbprint() })
    })
  })
})
