import { expect } from 'chai'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, introspect, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

// What a client gets at APIs: what its version lists, and what the operator granted. Two tenants, each with an API, one of them with a bare name.

const own = 'orders'
const foreign = 'https://payroll.team-b.example.com'

describe('access to APIs', () => {
  let replicas: ServerReplicas

  const machine = (audiences: readonly string[], scopes: readonly string[]) => ({
    ...configs.machine,
    audiences: [...audiences],
    scopes: [...scopes],
  })
  const web = (more: object = {}) => ({
    ...configs.web,
    audiences: [own, foreign],
    scopes: [...configs.web.scopes, 'orders:read', 'orders:write', 'pay:read'],
    ...more,
  })
  const granted = { [own]: ['orders:read', 'orders:write'], [foreign]: ['pay:read'] }
  const apis = [
    entry('team-a.orders', {
      ...configs.api,
      resourceServer: { identifier: own, scopes: ['orders:read', 'orders:write', 'orders:admin'] },
    }),
    entry('team-b.payroll', {
      ...configs.api,
      resourceServer: { identifier: foreign, scopes: ['pay:read', 'pay:write'] },
    }),
  ]
  const clients = () => [
    ...apis,
    entry('app.denied', machine([foreign], ['pay:read']), { granted: {} }),
    entry('app.bare', machine([foreign], []), { granted: { [foreign]: [] } }),
    entry('app.one', machine([own], ['orders:read', 'orders:write']), { granted: { [own]: ['orders:read'] } }),
    entry('app.two', machine([own, foreign], ['orders:read', 'pay:read']), {
      granted: { [own]: ['orders:read'], [foreign]: ['pay:read'] },
    }),
    entry('app.none', machine([], ['openid']), { granted: {} }),
    entry('app.opaque', { ...machine([own], ['orders:read']), accessTokenFormat: 'opaque' } as never, {
      granted: { [own]: ['orders:read'] },
    }),
    entry('app.web', web(), { granted }),
    entry('app.asks', web({ consent: ConsentMode.EXPLICIT }), { granted }),
    entry('app.machine', configs.machine),
  ]
  const change = (clientId: string, next: ReturnType<typeof entry>) =>
    replicas.serve([...clients().filter((one) => one.clientId !== clientId), next])

  before(async () => {
    replicas = await startReplicas({ count: 2 })
    await addPerson(replicas, 'ada', ['engineers'])
  })
  beforeEach(() => replicas.serve(clients()))
  after(() => replicas.stop())

  const machineToken = async (clientId: string, form: Record<string, string> | [string, string][] = {}) => {
    const more = Array.isArray(form) ? form : Object.entries(form)
    const answer = await send(replicas, {
      path: '/token',
      form: [['grant_type', 'client_credentials'], ...more],
      headers: basic(clientId, clientSecret),
    })
    const { error, error_description: text, access_token: value, scope } = answer.json() as Record<string, string>
    return { status: answer.status, error, text, value: value ?? '', scope }
  }
  const aboutJwt = ({ value }: { value: string }) => {
    const { aud, scope } = claimsOfJwt(value)
    return { aud, scope }
  }

  describe('T13 a token of client_credentials', () => {
    it('is refused for an API that the operator did not grant, although the client lists it', async () => {
      for (const form of [{}, { resource: foreign }, { resource: foreign, scope: 'pay:read' }]) {
        const answer = await machineToken('app.denied', form)
        expect([answer.status, answer.error]).to.deep.equal([400, 'invalid_target'])
        expect(answer.text).to.contain('AudiencesGranted')
      }
    })

    it('has none of the scopes of an API when the client lists only the audience', async () => {
      const bare = await machineToken('app.bare')
      expect([bare.status, bare.scope, aboutJwt(bare)]).to.deep.equal([
        200,
        undefined,
        { aud: foreign, scope: undefined },
      ])
      for (const scope of ['pay:read', 'pay:write', 'pay:read pay:write']) {
        const answer = await machineToken('app.bare', { scope })
        expect([answer.status, answer.error]).to.deep.equal([400, 'invalid_scope'])
      }
    })

    it('has all that is granted when the request asks for nothing, and the answer says so', async () => {
      const answer = await machineToken('app.one')
      expect([answer.scope, aboutJwt(answer)]).to.deep.equal(['orders:read', { aud: own, scope: 'orders:read' }])
      const opaque = await machineToken('app.opaque')
      expect(opaque.scope).to.equal('orders:read')
    })

    it('is refused when more is asked for than is granted, or what nobody knows', async () => {
      for (const scope of ['orders:read orders:write', 'orders:admin', 'magic', 'openid', 'orders:read email']) {
        const answer = await machineToken('app.one', { scope })
        expect([answer.status, answer.error], scope).to.deep.equal([400, 'invalid_scope'])
        expect(answer.text).to.contain(scope.split(' ').at(-1))
      }
      expect((await machineToken('app.one', { scope: 'orders:read' })).scope).to.equal('orders:read')
    })

    it('of an API with a bare name is had by that name alone', async () => {
      for (const more of [{}, { scope: 'orders:read' }]) {
        expect(aboutJwt(await machineToken('app.one', { resource: own, ...more })).aud).to.equal(own)
        const answer = await machineToken('app.one', { resource: `bare:${own}`, ...more })
        expect([answer.status, answer.error]).to.deep.equal([400, 'invalid_target'])
        expect(answer.text).to.contain(`bare:${own}`)
      }
    })

    it('needs a resource when the client has several audiences; the refusal names them', async () => {
      const answer = await machineToken('app.two')
      expect([answer.status, answer.error]).to.deep.equal([400, 'invalid_target'])
      for (const name of [own, foreign]) expect(answer.text).to.contain(name)
      expect(aboutJwt(await machineToken('app.two', { resource: foreign }))).to.deep.equal({
        aud: foreign,
        scope: 'pay:read',
      })
      const mixed = await machineToken('app.two', { resource: foreign, scope: 'orders:read' })
      expect(mixed.error).to.equal('invalid_scope')
    })

    it('of a client without audiences has no API scope', async () => {
      const answer = await machineToken('app.none', { scope: 'orders:read' })
      expect([answer.status, answer.error]).to.deep.equal([400, 'invalid_scope'])
      expect((await machineToken('app.none')).status).to.equal(200)
    })

    it('changes with what is granted at once, without a new version of the client', async () => {
      expect((await machineToken('app.one')).scope).to.equal('orders:read')
      const version = machine([own], ['orders:read', 'orders:write'])
      await change('app.one', entry('app.one', version, { granted: { [own]: ['orders:write'] } }))
      expect((await machineToken('app.one')).scope).to.equal('orders:write')
      await change('app.one', entry('app.one', version, { granted: {} }))
      expect((await machineToken('app.one')).error).to.equal('invalid_target')
    })
  })

  describe('T13 an authorization request', () => {
    const answerTo = async (parameters: Record<string, string> | [string, string][], clientId = 'app.web') => {
      const all = new URLSearchParams(request(pkce(), { client_id: clientId }))
      const more = Array.isArray(parameters) ? parameters : Object.entries(parameters)
      for (const [name] of more) all.delete(name)
      for (const [name, value] of more) all.append(name, value)
      return new Browser(replicas).authorize(`${replicas.issuer}/authorize?${all.toString()}`, 'ada')
    }
    const errorOf = (back: URL) => ({
      error: back.searchParams.get('error'),
      text: back.searchParams.get('error_description') ?? '',
    })

    it('is refused when it asks for a scope that is known and not granted', async () => {
      const refused = [
        { resource: own, scope: 'openid orders:admin' },
        { resource: own, scope: 'openid pay:read' },
      ]
      for (const parameters of refused) {
        const { error, text } = errorOf(await answerTo(parameters))
        expect(error, JSON.stringify(parameters)).to.equal('invalid_scope')
        expect(text).to.match(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
      }
    })

    it('may ask for the union of what is granted at the resources that it names', async () => {
      const back = await answerTo([
        ['resource', own],
        ['resource', foreign],
        ['scope', 'openid orders:read pay:read'],
      ])
      expect(back.searchParams.get('code')).to.match(/^nr_/)
      const more = await answerTo([
        ['resource', own],
        ['resource', foreign],
        ['scope', 'openid orders:read pay:write'],
      ])
      expect(errorOf(more).error).to.equal('invalid_scope')
    })

    it('is refused when it asks for the scope of an API and names none; the refusal says which', async () => {
      const { error, text } = errorOf(await answerTo({ scope: 'openid orders:read' }))
      expect(error).to.equal('invalid_scope')
      expect(text).to.contain(own)
    })

    it('is served without a scope that no API of the request knows', async () => {
      const proof = pkce()
      const parameters = request(proof, { scope: 'openid magic email' })
      const back = await new Browser(replicas).authorize(authorizationUrl(replicas.issuer, parameters), 'ada')
      const answer = await redeem(replicas, { value: back.searchParams.get('code')!, proof })
      expect(answer.json()['scope']).to.equal('openid email')
      // pay:write is a scope of another tenant's API: whether it exists is not for this client to learn
      for (const unknown of ['magic', 'pay:write']) {
        const withApi = await fetchCode(replicas, {
          parameters: { resource: own, scope: `openid ${unknown} orders:read` },
        })
        expect((await redeem(replicas, withApi, { form: { resource: own } })).json()['scope']).to.equal('orders:read')
      }
    })

    it('is refused before anybody signs in when nothing of its scope would be left', async () => {
      for (const scope of ['magic', 'magic wand', 'phone']) {
        const { location } = await new Browser(replicas).follow(
          authorizationUrl(replicas.issuer, request(pkce(), { scope })),
        )
        const { error, text } = errorOf(new URL(location!))
        expect([error, text], scope).to.deep.equal([
          'invalid_scope',
          `${scope.replace(' ', ', ')} ${scope.includes(' ') ? 'are' : 'is'} not in spec.scopes of default/app-web`,
        ])
      }
    })

    it('is refused for an API that is not granted', async () => {
      await change('app.web', entry('app.web', web(), { granted: { [own]: granted[own]! } }))
      const { error, text } = errorOf(await answerTo({ resource: foreign, scope: 'openid pay:read' }))
      expect(error).to.equal('invalid_target')
      expect(text).to.contain('AudiencesGranted')
      expect(errorOf(await answerTo({ resource: `bare:${own}` })).error).to.equal('invalid_target')
    })

    it('that is pushed is held to the same', async () => {
      const push = (form: Record<string, string>) =>
        send(replicas, { path: '/request', form: request(pkce(), form), headers: basic('app.web', clientSecret) })
      const cases = [
        [{ scope: 'openid orders:read' }, 400, 'invalid_scope'],
        [{ resource: own, scope: 'openid orders:admin' }, 400, 'invalid_scope'],
        [{ resource: own, scope: 'openid magic orders:read' }, 201, undefined],
        [{ resource: 'https://elsewhere.example.com', scope: 'openid' }, 400, 'invalid_target'],
        [{ resource: `bare:${own}`, scope: 'openid' }, 400, 'invalid_target'],
      ] as const
      for (const [form, status, error] of cases) {
        const answer = await push(form)
        expect([answer.status, answer.json()['error']]).to.deep.equal([status, error])
      }
    })
  })

  describe('T13 what was granted before', () => {
    const scope = 'openid orders:read orders:write'
    const tokensFor = async (form: Record<string, string> = { resource: own }) =>
      redeem(replicas, await fetchCode(replicas, { parameters: { resource: own, scope } }), { form })
    const withdrawTo = (next: Record<string, readonly string[]>, config = web()) =>
      change('app.web', entry('app.web', config, { granted: next }))

    it('is asked for again at the exchange of the code, and nothing beyond what was consented comes of it', async () => {
      const answer = await tokensFor()
      expect(answer.json()['scope']).to.equal('orders:read orders:write')
      const code = await fetchCode(replicas, { parameters: { resource: own, scope: 'openid orders:read' } })
      expect((await redeem(replicas, code, { form: { resource: own } })).json()['scope']).to.equal('orders:read')
      const late = await fetchCode(replicas, { parameters: { resource: own, scope } })
      await withdrawTo({ [own]: ['orders:write'] })
      expect((await redeem(replicas, late, { form: { resource: own } })).json()['scope']).to.equal('orders:write')
    })

    it('is applied at each refresh: less comes, and asking for what was withdrawn is refused', async () => {
      const tokens = tokensOf(await tokensFor())
      await withdrawTo({ [own]: ['orders:read'] })
      const asked = await refresh(replicas, tokens.refresh, { form: { resource: own, scope: 'openid orders:write' } })
      expect([asked.status, asked.json()['error']]).to.deep.equal([400, 'invalid_scope'])
      const less = await refresh(replicas, tokens.refresh, { form: { resource: own } })
      expect(less.json()['scope']).to.equal('orders:read')
      await withdrawTo({ [own]: ['orders:read'] }, web({ scopes: ['openid', 'profile', 'orders:read'] }))
      const own2 = await refresh(replicas, tokensOf(less).refresh)
      expect(own2.json()['scope']).to.equal('openid')
    })

    it('is for one API a token: two at once are refused in words, and the refresh token is not used up', async () => {
      const tokens = tokensOf(await tokensFor())
      const answer = await send(replicas, {
        path: '/token',
        headers: basic('app.web', clientSecret),
        form: [
          ['grant_type', 'refresh_token'],
          ['refresh_token', tokens.refresh],
          ['resource', own],
          ['resource', foreign],
        ],
      })
      expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_target'])
      expect(answer.json()['error_description']).to.contain('a token is for one API')
      expect((await refresh(replicas, tokens.refresh, { form: { resource: own } })).status).to.equal(200)
    })

    it('a refresh for an API that was withdrawn is refused and does not use the refresh token up', async () => {
      const tokens = tokensOf(await tokensFor())
      await withdrawTo({})
      const refused = await refresh(replicas, tokens.refresh, { form: { resource: own } })
      expect([refused.status, refused.json()['error']]).to.deep.equal([400, 'invalid_target'])
      expect((await introspect(replicas, tokens.refresh)).json()['active']).to.equal(true)
      expect((await refresh(replicas, tokens.refresh)).status).to.equal(200)
    })

    it('is applied at introspection: opaque tokens lose withdrawn scopes, and are inactive without their API', async () => {
      const config = web({ accessTokenFormat: 'opaque' })
      await withdrawTo(granted, config)
      const tokens = tokensOf(await tokensFor())
      const look = async () => (await introspect(replicas, tokens.access, { replica: 1 })).json()
      expect(await look()).to.include({ active: true, scope: 'orders:read orders:write', aud: own })
      await withdrawTo({ [own]: ['orders:write'] }, config)
      expect(await look()).to.include({ active: true, scope: 'orders:write' })
      await withdrawTo({ [foreign]: ['pay:read'] }, config)
      expect(await look()).to.deep.equal({ active: false })
      const machines = await machineToken('app.opaque')
      const lookAtMachine = async () => (await introspect(replicas, machines.value, { clientId: 'app.opaque' })).json()
      expect(await lookAtMachine()).to.include({ active: true, scope: 'orders:read' })
      const opaque = { ...machine([own], ['orders:read']), accessTokenFormat: 'opaque' } as never
      await change('app.opaque', entry('app.opaque', opaque, { granted: { [own]: [] } }))
      expect((await lookAtMachine())['scope']).to.equal(undefined)
      await change('app.opaque', entry('app.opaque', opaque, { granted: {} }))
      expect(await lookAtMachine()).to.deep.equal({ active: false })
    })

    it('a scope about the person that the client no longer lists is in no new token, nor at userinfo', async () => {
      const code = await fetchCode(replicas, { parameters: { scope: 'openid email' } })
      const tokens = tokensOf(await redeem(replicas, code))
      await withdrawTo({}, web({ scopes: ['openid', 'profile'] }))
      const me = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${tokens.access}` } })
      expect(Object.keys(me.json())).to.deep.equal(['sub'])
      expect((await introspect(replicas, tokens.access)).json()['scope']).to.equal('openid')
      expect((await refresh(replicas, tokens.refresh)).json()['scope']).to.equal('openid')
    })
  })

  describe('T13 an API that is suspended while its callers are still granted access', () => {
    const suspended = () => [
      entry('team-a.orders', {
        ...configs.api,
        suspended: true,
        resourceServer: { identifier: own, scopes: ['orders:read'], accessTokenFormat: 'opaque', accessTokenTtl: 60 },
      }),
      ...clients().slice(1),
    ]

    it('gets no token of a machine, nor a new sign-in', async () => {
      await replicas.serve(suspended())
      for (const form of [{}, { resource: own, scope: 'orders:read' }]) {
        const answer = await machineToken('app.one', form)
        expect([answer.status, answer.error]).to.deep.equal([400, 'invalid_target'])
        expect(answer.text).to.contain('suspended')
      }
      const proof = pkce()
      const url = authorizationUrl(replicas.issuer, request(proof, { resource: own, scope: 'openid orders:read' }))
      const back = await new Browser(replicas).authorize(url, 'ada')
      expect(back.searchParams.get('error')).to.equal('invalid_target')
    })

    it('gets no token of a person, and neither code nor refresh token is used up by it', async () => {
      const config = web({ audiences: [own] })
      const only = entry('app.web', config, { granted: { [own]: ['orders:read'] } })
      await change('app.web', only)
      const parameters = { resource: own, scope: 'openid offline_access orders:read' }
      const code = await fetchCode(replicas, { parameters })
      const tokens = tokensOf(await redeem(replicas, await fetchCode(replicas, { parameters })))
      await replicas.serve([...suspended().filter(({ clientId }) => clientId !== 'app.web'), only])
      for (const form of [{}, { resource: own }]) {
        const refused = [await redeem(replicas, code, { form }), await refresh(replicas, tokens.refresh, { form })]
        for (const answer of refused)
          expect([answer.status, answer.json()['error']], answer.body).to.deep.equal([400, 'invalid_target'])
      }
      await change('app.web', only)
      expect((await redeem(replicas, code)).status).to.equal(200)
      expect((await refresh(replicas, tokens.refresh)).status).to.equal(200)
    })
  })

  describe('T8 a token request that names none of the several APIs of its sign-in', () => {
    const signIn = async (scope: string) => {
      const proof = pkce()
      const query = new URLSearchParams([...Object.entries(request(proof, { scope })), ['resource', own]])
      query.append('resource', foreign)
      const back = await new Browser(replicas).authorize(`${replicas.issuer}/authorize?${query.toString()}`, 'ada')
      return { value: back.searchParams.get('code')!, proof }
    }

    it('gets a token for the one that has the scopes', async () => {
      const answer = await redeem(replicas, await signIn('offline_access pay:read'))
      expect(aboutJwt({ value: tokensOf(answer).access })).to.deep.equal({ aud: foreign, scope: 'pay:read' })
      expect(answer.json()['scope']).to.equal('pay:read')
      const both = tokensOf(
        await redeem(replicas, await signIn('openid offline_access orders:read pay:read'), { form: { resource: own } }),
      )
      const narrow = await refresh(replicas, both.refresh, { form: { scope: 'pay:read' } })
      expect(aboutJwt({ value: tokensOf(narrow).access })).to.deep.equal({ aud: foreign, scope: 'pay:read' })
    })

    it('is told to name one where several have them, and the code is not used up', async () => {
      const code = await signIn('offline_access orders:read pay:read')
      const refused = await redeem(replicas, code)
      expect([refused.status, refused.json()['error']]).to.deep.equal([400, 'invalid_target'])
      for (const name of [own, foreign]) expect(refused.json()['error_description']).to.contain(name)
      expect((await redeem(replicas, code, { form: { resource: own } })).json()['scope']).to.equal('orders:read')
    })
  })

  it('a client that may no longer have openid gets no ID token: it would say nobody', async () => {
    const code = await fetchCode(replicas, { parameters: { scope: 'openid email offline_access' } })
    const tokens = tokensOf(
      await redeem(replicas, await fetchCode(replicas, { parameters: { scope: 'openid email offline_access' } })),
    )
    await change('app.web', entry('app.web', web({ scopes: ['email', 'offline_access'] }), { granted }))
    for (const answer of [await redeem(replicas, code), await refresh(replicas, tokens.refresh)]) {
      expect(answer.status, answer.body).to.equal(200)
      expect(answer.json()).to.not.have.property('id_token')
    }
  })

  describe('T8 a request that names an API that the sign-in was not for', () => {
    const parameters = { resource: own, scope: 'openid orders:read' }

    it('does not use the refresh token up, nor the code', async () => {
      const code = await fetchCode(replicas, { parameters })
      for (const resource of [foreign, 'https://elsewhere.example.com']) {
        const refused = await redeem(replicas, code, { form: { resource } })
        expect([refused.status, refused.json()['error']]).to.deep.equal([400, 'invalid_target'])
      }
      const tokens = tokensOf(await redeem(replicas, code, { form: { resource: own } }))
      for (const resource of [foreign, 'https://elsewhere.example.com']) {
        const refused = await refresh(replicas, tokens.refresh, { form: { resource } })
        expect([refused.status, refused.json()['error']]).to.deep.equal([400, 'invalid_target'])
        expect((await introspect(replicas, tokens.refresh)).json()['active']).to.equal(true)
      }
      expect((await refresh(replicas, tokens.refresh, { form: { resource: own } })).status).to.equal(200)
    })
  })

  it('the claims parameter gives nothing of a scope that the client does not list, and the person is not asked for it', async () => {
    const config = web({ scopes: ['openid', 'profile'], consent: ConsentMode.EXPLICIT })
    await change('app.web', entry('app.web', config, { granted: {} }))
    const wanted = { email: null, name: null }
    const claims = JSON.stringify({ userinfo: wanted, id_token: { ...wanted, phone_number: { essential: true } } })
    const proof = pkce()
    const browser = new Browser(replicas)
    const start = await browser.follow(authorizationUrl(replicas.issuer, request(proof, { scope: 'openid', claims })))
    const page = await browser.submit(start, '/sign-in', { username: 'ada', password })
    const text = page.body.replace(/<[^>]*>/g, ' ')
    expect(page.body).to.contain('consent-allow')
    expect(text).to.not.match(/e-?mail|phone/i)
    const back = await browser.submit(page, '/consent', { decision: 'allow' })
    const code = { value: new URL(back.location!).searchParams.get('code')!, proof }
    const tokens = tokensOf(await redeem(replicas, code))
    const me = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${tokens.access}` } })
    for (const said of [me.json(), claimsOfJwt(tokens.id)]) {
      expect(said).to.include({ name: 'ada Example' })
      expect(said).to.not.have.any.keys('email', 'email_verified', 'phone_number')
    }
  })

  it('L10 a client that may have more while the consent page is open gets no more than the page showed', async () => {
    const listed = (...scopes: string[]) =>
      change('app.web', entry('app.web', web({ scopes, consent: ConsentMode.EXPLICIT }), { granted: {} }))
    await listed('openid')
    const claims = JSON.stringify({ userinfo: { email: null } })
    const browser = new Browser(replicas)
    const start = await browser.follow(authorizationUrl(replicas.issuer, request(pkce(), { scope: 'openid', claims })))
    const page = await browser.submit(start, '/sign-in', { username: 'ada', password })
    const says = ({ body }: { body: string }) => /e-?mail/i.test(body.replace(/<[^>]*>/g, ' '))
    expect(says(page)).to.equal(false)
    await listed('openid', 'email')
    const again = await browser.submit(page, '/consent', { decision: 'allow' })
    expect([again.location, says(again)]).to.deep.equal([undefined, true])
    expect((await browser.submit(again, '/consent', { decision: 'allow' })).location).to.contain('code=')
  })

  it('an answer whose token has no scope says none', async () => {
    const code = await fetchCode(replicas, { parameters: { resource: own, scope: 'openid' } })
    expect((await redeem(replicas, code, { form: { resource: own } })).json()).to.not.have.property('scope')
  })

  describe('offline_access', () => {
    const offlineOf = async (parameters: Record<string, string>, clientId = 'app.web') => {
      const code = await fetchCode(replicas, { parameters: { client_id: clientId, ...parameters } })
      const answer = await redeem(replicas, code, { clientId })
      return { ...answer.json(), tokens: tokensOf(answer) } as Record<string, unknown> & {
        tokens: ReturnType<typeof tokensOf>
      }
    }

    it('is granted when it is asked for, listed and consented, without prompt=consent', async () => {
      for (const clientId of ['app.web', 'app.asks']) {
        const answer = await offlineOf({ scope: 'openid offline_access' }, clientId)
        expect(answer['scope']).to.equal('openid offline_access')
      }
    })

    it('may be repeated at a refresh', async () => {
      const { tokens } = await offlineOf({ scope: 'openid offline_access' })
      const again = await refresh(replicas, tokens.refresh, { form: { scope: 'openid offline_access' } })
      expect([again.status, again.json()['scope']]).to.deep.equal([200, 'openid offline_access'])
    })

    it('is left out for a client that does not list it', async () => {
      await change('app.web', entry('app.web', web({ scopes: ['openid', 'email'] }), { granted: {} }))
      const back = await new Browser(replicas).authorize(
        authorizationUrl(replicas.issuer, request(pkce(), { scope: 'openid offline_access' })),
        'ada',
      )
      expect(back.searchParams.get('code')).to.match(/^nr_/)
    })

    it('is kept by a pushed request', async () => {
      const proof = pkce()
      const pushed = await send(replicas, {
        path: '/request',
        form: request(proof, { scope: 'openid offline_access' }),
        headers: basic('app.web', clientSecret),
      })
      const url = authorizationUrl(replicas.issuer, {
        client_id: 'app.web',
        request_uri: String(pushed.json()['request_uri']),
      })
      const back = await new Browser(replicas).authorize(url, 'ada')
      const answer = await redeem(replicas, { value: back.searchParams.get('code')!, proof })
      expect(answer.json()['scope']).to.equal('openid offline_access')
    })
  })
})
