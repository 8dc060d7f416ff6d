import { expect } from 'chai'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Browser, authorizationUrl, basic, formOf, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, redeem, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, password, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

// The authorization endpoint and the code exchange: which requests are accepted, and how the others are refused.

describe('authorization', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.two', { ...configs.web, redirectUris: [redirectUri, 'https://app.example.com/other'] }),
      entry('app.native', {
        ...configs.spa,
        type: 'Native',
        redirectUris: ['http://127.0.0.1/callback', 'com.example.app:/callback'],
      }),
      entry('app.machine', configs.machine),
      entry('app.suspended', { ...configs.web, suspended: true }),
      entry('app.explicit', { ...configs.web, consent: ConsentMode.EXPLICIT }),
      entry('app.engineers', { ...configs.web, allowedGroups: ['engineers'] }),
    ])
    await addPerson(replicas, 'ada', ['engineers'])
    await addPerson(replicas, 'bob')
  })
  after(() => replicas.stop())

  const ask = (parameters: Record<string, string | undefined>) => {
    const given = Object.entries({ ...request(pkce()), ...parameters }).filter(([, value]) => value !== undefined)
    return new Browser(replicas).open(
      authorizationUrl(replicas.issuer, Object.fromEntries(given) as Record<string, string>),
    )
  }

  describe('A1 a redirect URI that differs in any character from the registered one gets an error page of this server', () => {
    for (const uri of [
      'https://app.example.com.evil.test/callback',
      'https://app.example.com@evil.test/callback',
      'https://user@app.example.com/callback',
      'https://app.example.com/callback/..;/x',
      'https://app.example.com/%2e%2e/callback',
      'https://app.example.com/%63allback',
      'https://APP.example.com/callback',
      'https://app.example.com/callback/',
      'https://app.example.com/callback?x=1',
      'https://app.example.com/callback#x',
      'https://app.example.com:443/callback',
      'https://аpp.example.com/callback',
      'https://app.example.com\\callback',
      'https://evil.test/https://app.example.com/callback',
      'http://app.example.com/callback',
      '//app.example.com/callback',
      'javascript:alert(1)',
    ]) {
      it(uri, async () => {
        const answer = await ask({ redirect_uri: uri })
        expect(answer.status).to.equal(400)
        expect(answer.headers.location).to.equal(undefined)
        expect(answer.headers['content-type']).to.match(/text\/html/)
        expect(answer.body).to.not.contain(uri.includes('<') ? uri : 'onerror')
      })
    }

    it('the registered one is accepted', async () => expect((await ask({})).status).to.equal(303))
  })

  it('A1 a native application may use any port of the loopback address, and no other host', async () => {
    const native = { client_id: 'app.native', scope: 'openid' }
    expect((await ask({ ...native, redirect_uri: 'http://127.0.0.1:51004/callback' })).status).to.equal(303)
    expect((await ask({ ...native, redirect_uri: 'com.example.app:/callback' })).status).to.equal(303)
    for (const uri of [
      'http://127.0.0.1:51004/other',
      'http://127.0.0.2:51004/callback',
      'http://localhost.evil.test/callback',
    ]) {
      expect((await ask({ ...native, redirect_uri: uri })).status).to.equal(400)
    }
  })

  it('A3 the redirect URI is required, whether one or two are registered', async () => {
    for (const client_id of ['app.web', 'app.two']) {
      const answer = await ask({ client_id, redirect_uri: undefined })
      expect(answer.status).to.equal(400)
      expect(answer.headers.location).to.equal(undefined)
    }
  })

  describe('A4 PKCE', () => {
    for (const [sentence, parameters] of [
      ['a request without a challenge', { code_challenge: undefined, code_challenge_method: undefined }],
      ['the method plain', { code_challenge_method: 'plain' }],
      ['a challenge without its method', { code_challenge_method: undefined }],
      ['a challenge of 42 characters', { code_challenge: 'a'.repeat(42) }],
      ['a challenge of 129 characters', { code_challenge: 'a'.repeat(129) }],
    ] as const) {
      it(`refuses ${sentence}`, async () => {
        const back = new URL((await ask(parameters)).headers.location!)
        expect(back.origin + back.pathname).to.equal(redirectUri)
        expect(back.searchParams.get('error')).to.equal('invalid_request')
        expect(back.searchParams.get('iss')).to.equal(replicas.issuer)
      })
    }

    for (const [sentence, verifier, error] of [
      ['that is missing', undefined, 'invalid_grant'],
      ['of another request', pkce().verifier, 'invalid_grant'],
      ['of 42 characters', 'a'.repeat(42), 'invalid_request'],
      ['of 129 characters', 'a'.repeat(129), 'invalid_request'],
    ] as const) {
      it(`a verifier ${sentence} is refused, and the right one still works`, async () => {
        const code = await fetchCode(replicas)
        const form = {
          grant_type: 'authorization_code',
          code: code.value,
          redirect_uri: redirectUri,
          ...(verifier ? { code_verifier: verifier } : {}),
        }
        const answer = await send(replicas, { path: '/token', headers: basic('app.web', clientSecret), form })
        expect([answer.status, answer.json()['error']]).to.deep.equal([400, error])
        expect((await redeem(replicas, code)).status).to.equal(200)
      })
    }
  })

  it('A5 every authorization response and the metadata name the issuer', async () => {
    const { back } = await fetchCode(replicas)
    expect(back.searchParams.get('iss')).to.equal(replicas.issuer)
    const refused = new URL((await ask({ scope: 'openid', prompt: 'none' })).headers.location!)
    expect(refused.searchParams.get('error')).to.equal('login_required')
    expect(refused.searchParams.get('iss')).to.equal(replicas.issuer)
    const metadata = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
    expect(metadata['issuer']).to.equal(replicas.issuer)
    expect(metadata['authorization_response_iss_parameter_supported']).to.equal(true)
  })

  describe('refused with an error that is sent to the client', () => {
    for (const [sentence, parameters, error] of [
      ['A7 an unknown response mode', { response_mode: 'carrier-pigeon' }, 'unsupported_response_mode'],
      ['the implicit flow', { response_type: 'token' }, 'unsupported_response_type'],
      ['the hybrid flow', { response_type: 'code id_token', nonce: 'n' }, 'unsupported_response_type'],
      ['a scope with a control character', { scope: 'openid \u0007' }, 'invalid_scope'],
      ['prompt none together with login', { prompt: 'none login' }, 'invalid_request'],
      ['prompt none together with a word that nobody defines', { prompt: 'none dance' }, 'invalid_request'],
      ['prompt create', { prompt: 'create' }, 'invalid_request'],
      ['a negative max_age', { max_age: '-1' }, 'invalid_request'],
      ['claims that are not JSON', { claims: '{' }, 'invalid_request'],
      ['an API that the client does not list', { resource: 'https://api.example.com' }, 'invalid_target'],
      ['A9 a request object without a signature', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'invalid_request_object'],
      [
        'A9 a request_uri with the URL of another host',
        { request_uri: 'https://evil.test/request' },
        'request_uri_not_supported',
      ],
    ] as const) {
      it(`${sentence}: ${error}`, async () => {
        const answer = await ask(parameters)
        expect(answer.status).to.equal(303)
        const back = new URL(answer.headers.location!)
        expect(back.origin + back.pathname).to.equal(redirectUri)
        const fields = back.searchParams.has('error') ? back.searchParams : new URLSearchParams(back.hash.slice(1))
        expect(fields.get('error')).to.equal(error)
        expect(fields.get('state')).to.equal('a-state')
      })
    }
  })

  describe('refused with an error page of this server', () => {
    for (const [sentence, parameters] of [
      ['an unknown client', { client_id: 'app.unknown' }],
      ['a suspended client', { client_id: 'app.suspended' }],
      ['a client without the code flow', { client_id: 'app.machine' }],
      ['a request without client_id', { client_id: undefined }],
      ['A8 HTML as client_id', { client_id: '<script>alert(1)</script>' }],
    ] as const) {
      it(sentence, async () => {
        const answer = await ask(parameters)
        expect(answer.status).to.equal(400)
        expect(answer.headers.location).to.equal(undefined)
        expect(answer.body).to.contain('<html').and.not.contain('<script>alert')
      })
    }
  })

  it('A7 a parameter that is given twice is refused', async () => {
    const url = authorizationUrl(replicas.issuer, request(pkce()))
    for (const twice of ['scope=openid', 'client_id=app.web', 'redirect_uri=https%3A%2F%2Fevil.test', 'state=b']) {
      const answer = await new Browser(replicas).open(`${url}&${twice}`)
      expect(answer.headers.location ?? '').to.not.contain('evil.test')
      expect((answer.headers.location ?? '') + answer.body).to.contain('invalid_request')
    }
  })

  it('accepts the request by POST too, and redirects to the same request by GET', async () => {
    const form = request(pkce())
    const answer = await send(replicas, { path: '/authorize', form })
    expect(answer.status).to.equal(303)
    const location = new URL(answer.headers.location!, replicas.issuer)
    expect(location.pathname).to.equal('/authorize')
    expect(Object.fromEntries(location.searchParams)).to.deep.equal(form)
    expect(answer.headers['set-cookie']).to.equal(undefined)
    const long = await send(replicas, { path: '/authorize', form: { ...form, state: 'x'.repeat(7000) } })
    expect([long.status, long.json()['error']]).to.deep.equal([400, 'invalid_request'])
    const json = await send(replicas, {
      path: '/authorize',
      body: JSON.stringify(form),
      headers: { 'content-type': 'application/json' },
    })
    expect([json.status, json.json()['error_description']]).to.deep.equal([400, 'the body must be a form'])
  })

  it('accepts a logout by POST too, with and without parameters', async () => {
    const { browser, value, proof } = await fetchCode(replicas)
    const { id } = tokensOf(await redeem(replicas, { value, proof }))
    const plain = await browser.follow(`${replicas.issuer}/logout`, { form: {} })
    expect(plain.body).to.contain('id="logout-confirm"')
    const page = await browser.follow(`${replicas.issuer}/logout`, {
      form: { id_token_hint: id, post_logout_redirect_uri: 'https://app.example.com/bye', state: 'x' },
    })
    const left = await browser.submit(page, '/logout/confirm', { logout: 'yes' })
    expect(left.location).to.equal('https://app.example.com/bye?state=x')
  })

  it('sends no code to a client until the person in its id_token_hint signs in', async () => {
    const { id } = tokensOf(await redeem(replicas, await fetchCode(replicas, { username: 'bob' })))
    for (const browser of [new Browser(replicas), (await fetchCode(replicas)).browser]) {
      let page = await browser.follow(authorizationUrl(replicas.issuer, request(pkce(), { id_token_hint: id })))
      page = await browser.submit(page, '/sign-in', { username: 'ada', password })
      expect([page.location, page.status]).to.deep.equal([undefined, 200])
      expect(page.body).to.contain('id="password"')
      const back = await browser.submit(page, '/sign-in', { username: 'bob', password })
      expect(new URL(back.location!).searchParams.get('code')).to.match(/^nr_/)
    }
  })

  it('names nobody on the page that asks for the person of an id_token_hint or a claim sub while somebody else is signed in, and says why it asks', async () => {
    const { id } = tokensOf(await redeem(replicas, await fetchCode(replicas, { username: 'bob' })))
    const { browser } = await fetchCode(replicas, { username: 'ada' })
    const asked = { id_token_hint: id }
    const bySub = { claims: JSON.stringify({ id_token: { sub: { value: claimsOfJwt(id)['sub'] } } }) }
    const requests: Record<string, string>[] = [asked, { ...asked, prompt: 'login' }, { ...asked, max_age: '0' }, bySub]
    for (const parameters of requests) {
      const url = authorizationUrl(replicas.issuer, request(pkce(), parameters))
      const page = await browser.copy().follow(url)
      expect(page.body)
        .to.contain('id="other-account"')
        .and.match(/id="username"[^>]* value=""/)
      // random ids have such letters now and then
      expect(page.body.replaceAll(/[\w-]{16,}/g, '')).to.not.match(/ada|bob/i)
    }
    // as after a sign-in of the wrong person
    const again = await browser.submit(
      await browser.follow(authorizationUrl(replicas.issuer, request(pkce(), asked))),
      '/sign-in',
      { username: 'ada', password },
    )
    expect(again.body)
      .to.contain('id="other-account"')
      .and.match(/id="username"[^>]* value=""/)
    const hinted = authorizationUrl(replicas.issuer, request(pkce(), { ...asked, login_hint: 'bob' }))
    expect((await browser.follow(hinted)).body).to.match(/id="username"[^>]* value="bob"/)
  })

  it('answers in each response mode', async () => {
    const browser = new Browser(replicas)
    await fetchCode(replicas, { browser })
    const open = (response_mode: string) =>
      browser.follow(authorizationUrl(replicas.issuer, request(pkce(), { response_mode })))
    expect(new URL((await open('query')).location!).searchParams.get('code')).to.match(/^nr_/)
    expect(new URLSearchParams(new URL((await open('fragment')).location!).hash.slice(1)).get('code')).to.match(/^nr_/)
    const posted = await open('form_post')
    expect(posted.status).to.equal(200)
    expect(posted.body).to.match(/name="code" value="nr_/)
    expect(posted.headers['content-security-policy']).to.contain("'sha256-").and.contain('https://app.example.com')
    expect(new URL((await open('jwt')).location!).searchParams.get('response')).to.match(/^eyJ/)
  })

  it('uses the session without a page, and asks for the password again with prompt=login or when max_age is reached', async () => {
    const { browser } = await fetchCode(replicas)
    const silent = await browser.follow(authorizationUrl(replicas.issuer, request(pkce(), { prompt: 'none' })))
    expect(new URL(silent.location!).searchParams.get('code')).to.match(/^nr_/)
    for (const parameters of [{ prompt: 'login' }, { max_age: '0' }] as Record<string, string>[]) {
      const page = await browser.follow(authorizationUrl(replicas.issuer, request(pkce(), parameters)))
      expect(page.body).to.contain('id="password"')
    }
  })

  it('shows the account for prompt=select_account, and continues with it', async () => {
    const { browser } = await fetchCode(replicas)
    const url = authorizationUrl(replicas.issuer, request(pkce(), { prompt: 'select_account' }))
    expect((await browser.follow(url)).body).to.contain('id="account-continue"')
    expect((await browser.authorize(url, 'ada')).searchParams.get('code')).to.match(/^nr_/)
  })

  it('remembers who wanted to stay signed in, by name alone: whoever is chosen signs in, and can be forgotten', async () => {
    await addPerson(replicas, 'grace')
    await addPerson(replicas, 'henry')
    const browser = new Browser(replicas)
    const choose = authorizationUrl(replicas.issuer, request(pkce(), { prompt: 'select_account' }))
    // nobody is remembered yet
    await browser.authorize(choose, 'grace', { remember: true })
    const other = await browser.submit(await browser.follow(choose), '/account', { choice: 'other' })
    await browser.submit(other, '/sign-in', { username: 'henry', password })
    const third = await browser.submit(await browser.follow(choose), '/account', { choice: 'other' })
    await browser.submit(third, '/sign-in', { username: 'ada', password, remember: 'on' })

    const chooser = await browser.follow(choose)
    expect(chooser.body).to.contain('ada Example').and.contain('grace Example').and.not.contain('henry')
    const signIn = await browser.submit(chooser, '/account', { account: 'grace' })
    expect(signIn.body).to.contain('value="grace"').and.contain('id="password"')
    const code = await browser.submit(signIn, '/sign-in', { username: 'grace', password })
    expect(code.location ?? code.body).to.match(/code=nr_|id="consent-allow"/)

    const again = await browser.follow(choose)
    const forgot = await browser.submit(again, '/account', { forget: 'ada' })
    expect(forgot.body).to.contain('grace Example').and.not.contain('ada Example')
    expect([...browser.jar.values()].find(({ name }) => name.includes('remembered'))?.path).to.equal('/interaction')
  })

  it('lets two tabs sign in side by side', async () => {
    const browser = new Browser(replicas)
    const first = await browser.follow(authorizationUrl(replicas.issuer, request(pkce(), { state: 'one' })))
    const second = await browser.follow(authorizationUrl(replicas.issuer, request(pkce(), { state: 'two' })))
    const fields = { username: 'ada', password }
    expect(new URL((await browser.submit(second, '/sign-in', fields)).location!).searchParams.get('state')).to.equal(
      'two',
    )
    expect(new URL((await browser.submit(first, '/sign-in', fields)).location!).searchParams.get('state')).to.equal(
      'one',
    )
  })

  const interactionsIn = (browser: Browser) =>
    [...browser.jar.values()].filter(({ name }) => name.includes('nauthera_i_'))

  const ofLibrary = (browser: Browser) =>
    [...browser.jar.values()].filter(({ name }) => /nauthera_(interaction|resume)$/.test(name))

  it('L18 keeps the five newest interactions of a browser', async () => {
    const browser = new Browser(replicas)
    const tabs: string[] = []
    for (let tab = 0; tab < 9; tab++)
      tabs.push((await browser.follow(authorizationUrl(replicas.issuer, request(pkce())))).url.split('/').at(-1)!)
    const kept = interactionsIn(browser).map(({ name }) => name.replace(/.*nauthera_i_/, ''))
    expect(kept).to.have.members(tabs.slice(-5))
    const newest = tabs.slice(-5).flatMap((uid) => [`/interaction/${uid}`, `/authorize/${uid}`])
    expect(ofLibrary(browser).map(({ path }) => path)).to.have.members(newest)
    const [gone, oldest] = await Promise.all(
      [tabs[3], tabs[4]].map((uid) => browser.open(`${replicas.issuer}/interaction/${uid}`)),
    )
    expect(gone!.status).to.equal(403)
    expect(oldest!.body).to.contain('id="password"')
  })

  it('L18 signs in a browser that opens 100 tabs at the same moment: no tab gets the cookies of another', async () => {
    const browser = new Browser(replicas)
    const tabs = Array.from({ length: 100 }, (_, tab) =>
      authorizationUrl(replicas.issuer, request(pkce(), { state: `tab-${tab}` })),
    )
    const begun = await Promise.all(tabs.map((url) => browser.open(url)))
    expect(interactionsIn(browser)).to.have.length(100)
    for (const path of ['/authorize', '/logout', '/interaction/another'])
      expect(browser.shows(`${replicas.issuer}${path}`).filter((name) => name.includes('nauthera_i'))).to.deep.equal([])
    const fiftieth = new URL(begun[49]!.headers.location!, replicas.issuer)
    expect(browser.shows(fiftieth.href).filter((name) => name.includes('nauthera_i_'))).to.have.length(1)

    const back = await browser.authorize(fiftieth.href, 'ada')
    expect(back.searchParams.get('state')).to.equal('tab-49')
    expect(back.searchParams.get('code')).to.match(/^nr_/)
    // the session that began there serves the others, and new ones
    expect((await browser.authorize(authorizationUrl(replicas.issuer, request(pkce())), 'ada')).href).to.contain(
      'code=',
    )
    const last = await browser.authorize(new URL(begun[99]!.headers.location!, replicas.issuer).href, 'ada')
    expect(last.searchParams.get('state')).to.equal('tab-99')
  })

  it('says that the sign-in is complete when the person goes back to its page', async () => {
    const browser = new Browser(replicas)
    const page = await browser.follow(authorizationUrl(replicas.issuer, request(pkce())))
    await browser.submit(page, '/sign-in', { username: 'ada', password })
    const again = await browser.open(page.url)
    expect(again.status).to.equal(400)
    expect(again.body).to.contain('INTERACTION_SPENT')
    expect(interactionsIn(browser).map(({ path }) => path)).to.deep.equal([new URL(page.url).pathname])
    expect(ofLibrary(browser)).to.deep.equal([])
  })

  it('tells the client to push the request when it does not fit into a cookie', async () => {
    const answer = await ask({ state: 'x'.repeat(3500) })
    const back = new URL(answer.headers.location!)
    expect(back.searchParams.get('error')).to.equal('invalid_request')
    expect(back.searchParams.get('error_description')).to.contain('push')
  })

  it('L10 an interaction ends once: its form cannot be sent again by who has a copy of the cookies', async () => {
    const browser = new Browser(replicas)
    const page = await browser.follow(authorizationUrl(replicas.issuer, request(pkce())))
    const thief = browser.copy()
    const signedIn = await browser.submit(page, '/sign-in', { username: 'ada', password })
    expect(signedIn.location).to.contain('code=nr_')
    const again = await thief.submit(page, '/sign-in', { username: 'ada', password })
    expect([again.status, again.location]).to.deep.equal([400, undefined])
    expect(again.body).to.contain('INTERACTION_SPENT')
  })

  it('answers the form that ends a sign-in with the redirect to the client, and the cookies that go with it', async () => {
    const browser = new Browser(replicas)
    const page = await browser.follow(authorizationUrl(replicas.issuer, request(pkce())))
    const { action, fields } = formOf(page.body, '/sign-in')
    const { status, headers } = await browser.open(action, { form: { ...fields, username: 'ada', password } })
    expect([status, headers.location]).to.satisfy(
      ([code, to]: [number, string]) => code === 303 && to.includes('code='),
    )
    expect([...browser.jar.values()].map(({ name }) => name)).to.include('nauthera_session')
    expect(browser.shows('/authorize/any').filter((name) => name === 'nauthera_resume')).to.deep.equal([])
    expect((await browser.follow(page.url)).body, 'the back button').to.contain('INTERACTION_SPENT')
  })

  it('L10 an interaction ends once: the result of a sign-in cannot be replayed', async () => {
    const browser = new Browser(replicas)
    const asked = request(pkce(), { response_mode: 'fragment' })
    let page = await browser.follow(authorizationUrl(replicas.issuer, asked))
    const { action, fields } = formOf(page.body, '/sign-in')
    const signedIn = await browser.open(action, { form: { ...fields, username: 'ada', password } })
    const resume = signedIn.headers.location!
    const thief = browser.copy()
    expect((await browser.follow(resume)).location).to.contain('code=nr_')
    page = await thief.follow(resume)
    expect(page.status).to.equal(400)
    expect(page.location).to.equal(undefined)
  })

  it('lets only people in an allowed group sign in to the client, also with prompt=none', async () => {
    const parameters = { client_id: 'app.engineers' }
    expect((await fetchCode(replicas, { parameters })).value).to.match(/^nr_/)
    const browser = new Browser(replicas)
    await fetchCode(replicas, { browser, username: 'bob' })
    const page = await browser.follow(authorizationUrl(replicas.issuer, request(pkce(), parameters)))
    expect(page.location).to.equal(undefined)
    expect(page.status).to.equal(403)
    const silent = await browser.follow(
      authorizationUrl(replicas.issuer, request(pkce(), { ...parameters, prompt: 'none' })),
    )
    expect(new URL(silent.location!).searchParams.get('error')).to.equal('access_denied')
  })
})
