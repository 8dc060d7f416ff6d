import { expect } from 'chai'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { Browser, basic, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, introspect, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, password, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { allAccounts, archive, askingFor, bank, bankApi, json, onePayment, payingClients, vault } from './paying.ts'
import { openRequest, outcomeOf } from './walk/walked.ts'

// What people are asked and shown, what they take back, and what attackers try with authorization details (RFC 9396).

describe('authorization details', function () {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve(payingClients())
    for (const name of ['ada', 'bob', 'cid', 'dora', 'eve']) await addPerson(replicas, name)
  })
  after(() => replicas.stop())

  const asking = (details: string, more: Record<string, string> = {}) => ({
    scope: 'openid',
    resource: bank,
    authorization_details: details,
    ...more,
  })
  const errorOf = async (details: string, more: Record<string, string> = {}) => {
    const { location = 'http://no.redirect/' } = await openRequest(replicas, asking(details, more))
    const { searchParams } = new URL(location)
    return { error: searchParams.get('error'), description: searchParams.get('error_description') ?? '' }
  }
  /** The page that asks a person who has just signed in. */
  const consentPage = async (browser: Browser, details: string, more: Record<string, string> = {}) => {
    const page = await openRequest(replicas, asking(details, more), browser)
    return browser.submit(page, '/sign-in', { username: 'ada', password })
  }
  const signIn = async (username: string, details: string, more: Record<string, string> = {}, browser?: Browser) => {
    const options = { username, parameters: asking(details, more), ...(browser ? { browser } : {}) }
    const code = await fetchCode(replicas, options)
    const answer = await redeem(replicas, code, { form: { resource: bank }, clientId: more['client_id'] ?? 'app.web' })
    return { ...tokensOf(answer), details: answer.json()['authorization_details'], browser: code.browser }
  }

  describe('consent', () => {
    it('is asked for each time for what happens each time, though the person ticked the box', async () => {
      const browser = new Browser(replicas)
      const page = await openRequest(replicas, asking(json(onePayment())), browser)
      const consent = await browser.submit(page, '/sign-in', { username: 'bob', password })
      await browser.submit(consent, '/consent', { decision: 'allow', remember: 'on' })
      const again = await openRequest(replicas, asking(json(onePayment())), browser)
      expect(outcomeOf(again)).to.equal('consent')
      expect(again.body).to.contain('id="consent-allow"').and.not.to.contain('id="consent-remember"')
      expect(outcomeOf(await openRequest(replicas, asking(json(onePayment()), { prompt: 'none' }), browser))).to.equal(
        'consent_required',
      )
    })

    it('is remembered where the API says so, for the same and less, and asked for again for more', async () => {
      const browser = new Browser(replicas)
      const ask = (detail: object) => openRequest(replicas, asking(json(detail)), browser)
      const first = await browser.submit(await ask(allAccounts()), '/sign-in', { username: 'cid', password })
      expect(first.body).to.contain('id="consent-remember"')
      expect(outcomeOf(await browser.submit(first, '/consent', { decision: 'allow', remember: 'on' }))).to.equal('code')
      for (const [detail, outcome] of [
        [allAccounts(), 'code'],
        [allAccounts({ actions: ['list'] }), 'code'],
        [allAccounts({ actions: ['list', 'transactions'] }), 'consent'],
        [allAccounts({ privileges: ['owner'] }), 'consent'],
        [{ type: 'accounts' }, 'consent'],
      ] as const)
        expect(outcomeOf(await ask(detail)), JSON.stringify(detail)).to.equal(outcome)
    })

    it('shows only what is new, and both kinds together', async () => {
      const browser = new Browser(replicas)
      const both = json(onePayment(), allAccounts())
      const page = await openRequest(replicas, asking(both), browser)
      const consent = await browser.submit(page, '/sign-in', { username: 'dora', password })
      expect(consent.body).to.contain('You are asked about this each time.')
      await browser.submit(consent, '/consent', { decision: 'allow', remember: 'on' })
      const again = await openRequest(replicas, asking(both), browser)
      expect(again.body).to.contain('Merchant A').and.not.to.contain('Look at your accounts')
    })

    it('stands for what the page showed: an API that changes its words meanwhile is asked about anew', async () => {
      const browser = new Browser(replicas)
      const page = await consentPage(browser, json(allAccounts()))
      const [payment, accounts] = bankApi().resourceServer.authorizationDetails as [object, object]
      await replicas.serve(payingClients([payment, { ...accounts, title: 'Empty your accounts' }]))
      const again = await browser.submit(page, '/consent', { decision: 'allow' })
      await replicas.serve(payingClients())
      expect(outcomeOf(again)).to.equal('consent')
      expect(again.body).to.contain('Empty your accounts')
    })

    it('is of no use when the type was withdrawn meanwhile: the client hears of it', async () => {
      const browser = new Browser(replicas)
      const page = await consentPage(browser, json(onePayment()))
      await replicas.serve(payingClients([{ type: 'accounts', title: 'Look at your accounts' }]))
      const back = await browser.submit(page, '/consent', { decision: 'allow' })
      await replicas.serve(payingClients())
      expect(outcomeOf(back)).to.equal('invalid_authorization_details')
    })

    it('is on the account page, until the person takes it back', async () => {
      const { access, browser } = await signIn('eve', json(onePayment({ creditor: 'Merchant of Eve' })))
      const list = await browser.follow('/account/applications')
      expect(list.body).to.contain('Make a payment from your account').and.to.contain('Merchant of Eve')
      const [, href = ''] = /href="([^"]*\/account\/applications\/[^"]+)"/.exec(list.body) ?? []
      const page = await browser.follow(href)
      await browser.submit(page, href, { remove: 'yes' })
      expect((await introspect(replicas, access)).json()).to.deep.equal({ active: false })
      expect((await browser.follow('/account/applications')).body).not.to.contain('Merchant of Eve')
    })
  })

  it('a signed request has them as JSON', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const { kty, crv, x, y } = (await exportJWK(publicKey)) as Record<string, string>
    const jwks = { keys: [{ kty: kty!, crv: crv!, x: x!, y: y!, alg: 'ES256', kid: 'own' }] }
    const config = { ...bankApi(), ...configs.web, audiences: [bank], authorizationDetailsTypes: ['payment'], jwks }
    const { resourceServer: _api, ...signed } = config
    const own = entry('app.signed', signed, { granted: { [bank]: [] }, types: { [bank]: ['payment'] } })
    await replicas.serve([...payingClients(), own])
    const proof = pkce()
    const request = await new SignJWT({
      ...askingFor('[]', { client_id: 'app.signed', code_challenge: proof.challenge }),
      authorization_details: [onePayment()],
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'own', typ: 'oauth-authz-req+jwt' })
      .setIssuer('app.signed')
      .setAudience(replicas.issuer)
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(privateKey)
    const query = new URLSearchParams({ client_id: 'app.signed', request, scope: 'openid', response_type: 'code' })
    const back = await new Browser(replicas).authorize(`${replicas.issuer}/authorize?${query.toString()}`, 'ada')
    const code = { value: back.searchParams.get('code')!, proof }
    const answer = await redeem(replicas, code, { form: { resource: bank }, clientId: 'app.signed' })
    expect(answer.json()['authorization_details']).to.deep.equal([onePayment()])
    await replicas.serve(payingClients())
  })

  describe('what is withdrawn', () => {
    for (const [sentence, change] of [
      ['from the client', () => withoutTypes()],
      ['by the API, which has the type no more', () => payingClients([{ type: 'accounts', title: 'Look' }])],
      ['by the API, which has the action no more', () => payingClients([{ ...paymentOfBank(), actions: ['cancel'] }])],
    ] as const)
      it(`${sentence}, is in no new token, and introspection does not tell it any more`, async () => {
        const tokens = await signIn('ada', json(onePayment()), { scope: 'openid offline_access' })
        await replicas.serve(change())
        const seen = await introspect(replicas, tokens.access, { clientId: 'bank.api' })
        const next = await refresh(replicas, tokens.refresh, { form: { resource: bank } })
        await replicas.serve(payingClients())
        expect(seen.json()['active']).to.equal(true)
        expect(seen.json()).not.to.have.property('authorization_details')
        expect(next.status).to.equal(200)
        expect(next.json()).not.to.have.property('authorization_details')
        expect(claimsOfJwt(tokensOf(next).access)).not.to.have.property('authorization_details')
      })

    const paymentOfBank = () => bankApi().resourceServer.authorizationDetails[0]!
    const withoutTypes = () =>
      payingClients().map((one) =>
        one.clientId === 'app.web'
          ? {
              ...one,
              granted: {
                ...one.granted!,
                apis: one.granted!.apis.map((api) => ({ ...api, authorizationDetailsTypes: [] })),
              },
            }
          : one,
      )
  })

  describe('of a request that names no API', () => {
    const payment = json(onePayment())

    it('are for the only API of the client that has the type, at /authorize and at the token endpoint', async () => {
      const code = await fetchCode(replicas, { parameters: { scope: 'openid', authorization_details: payment } })
      const answer = await redeem(replicas, code, { form: { authorization_details: payment } })
      expect([answer.status, answer.json()['authorization_details']]).to.deep.equal([200, [onePayment()]])
      expect(claimsOfJwt(tokensOf(answer).access)['aud']).to.equal(bank)
      const machine = await send(replicas, {
        path: '/token',
        headers: basic('app.machine', clientSecret),
        form: { grant_type: 'client_credentials', authorization_details: payment },
      })
      expect(claimsOfJwt(String(machine.json()['access_token']))['aud'], machine.body).to.equal(bank)
    })

    it('are in the token of a program that names nothing at the token endpoint, which reads userinfo too', async () => {
      for (const more of [{}, { resource: bank }]) {
        const parameters = { scope: 'openid offline_access', authorization_details: payment, ...more }
        const answer = await redeem(replicas, await fetchCode(replicas, { parameters }))
        expect(answer.json()['authorization_details'], answer.body).to.deep.equal([onePayment()])
        const { access, refresh: token } = tokensOf(answer)
        expect(claimsOfJwt(access)['aud']).to.equal(bank)
        const headers = { authorization: `Bearer ${access}` }
        expect((await send(replicas, { path: '/userinfo', headers })).status).to.equal(200)
        expect((await refresh(replicas, token)).json()['authorization_details']).to.deep.equal([onePayment()])
      }
    })

    it('are refused for a client without APIs: there is none to name', async () => {
      const parameters = request(pkce(), { client_id: 'app.none', scope: 'openid', authorization_details: payment })
      const { location } = await openRequest(replicas, parameters)
      expect(new URL(location!).searchParams.get('error')).to.equal('invalid_authorization_details')
    })

    for (const [sentence, detail] of [
      ['a type that two of its APIs have', allAccounts()],
      ['a type that none of its APIs has', { type: 'vault_opening' }],
    ] as const)
      it(`are refused with words for ${sentence}`, async () => {
        const parameters = request(pkce(), { scope: 'openid', authorization_details: json(detail) })
        const { location } = await openRequest(replicas, parameters)
        const { searchParams } = new URL(location!)
        expect(searchParams.get('error')).to.equal('invalid_target')
        expect(searchParams.get('error_description')).to.match(/name it in resource/)
      })
  })

  describe('T60 attacks', () => {
    it('T60 a type of another tenant is told in the same words as one that nobody has', async () => {
      const same = (text: string) => text.replaceAll(/vault_opening|no_such_type/g, '-')
      const foreign = await errorOf(json({ type: 'vault_opening' }), { client_id: 'app.greedy' })
      const unknown = await errorOf(json({ type: 'no_such_type' }), { client_id: 'app.greedy' })
      expect(foreign.error).to.equal('invalid_authorization_details')
      expect(same(foreign.description)).to.equal(same(unknown.description))
      const named = await errorOf(json({ type: 'vault_opening' }), { client_id: 'app.greedy', resource: vault })
      expect(named.error).to.equal('invalid_target')
    })

    it('T60 the same type at the API of another tenant gives nothing there', async () => {
      const answer = await errorOf(json(onePayment({ locations: [vault] })))
      expect(answer.error).to.equal('invalid_authorization_details')
      const machine = await send(replicas, {
        path: '/token',
        headers: basic('app.machine', clientSecret),
        form: { grant_type: 'client_credentials', resource: vault, authorization_details: json(onePayment()) },
      })
      expect(machine.json()['error']).to.equal('invalid_target')
    })

    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    const odd: readonly [string, string][] = [
      ['a huge one', json(onePayment({ creditor: 'x'.repeat(5_000) }))],
      ['too many', json(...Array.from({ length: 11 }, (_, at) => onePayment({ creditor: `m${at}` })))],
      ['one twice', json(onePayment(), onePayment())],
      ['one that is nested a thousand levels deep', `[{"type":"payment","amount":${nested(600)}}]`],
      ['a list that is nested', `[{"type":"payment","notes":${'['.repeat(900)}${']'.repeat(900)}}]`],
      [
        '__proto__',
        `[{"type":"payment","__proto__":{"actions":["initiate"]},"amount":{"currency":"EUR","value":"1"}}]`,
      ],
      ['__proto__ further in', '[{"type":"payment","actions":["initiate"],"amount":{"__proto__":{"value":"1"}}}]'],
      ['constructor', '[{"type":"payment","actions":["initiate"],"constructor":{"prototype":{}}}]'],
      ['a type that every object has', '[{"type":"constructor"}]'],
      ['a name with a dot, which looks like a field of an object', json(onePayment({ 'amount.value': '1' }))],
      ['an object without fields', json(onePayment({ creditor: {} }))],
      ['a text that turns around', json(onePayment({ creditor: 'Merchant \u202e A' }))],
      ['a text of two lines', json(onePayment({ creditor: 'Merchant A\nAmount: 1 EUR' }))],
      ['a text that is none', '[{"type":"payment","actions":["initiate"],"creditor":"\\ud800"}]'],
      ['a text that shows nothing', json(onePayment({ creditor: '\u200b' }))],
      ['a number that nobody can keep', '[{"type":"payment","actions":["initiate"],"instalments":1e999}]'],
      ['a number that changes when it is read', '[{"type":"payment","instalments":12345678901234567890}]'],
      ['null', json(onePayment({ creditor: null }))],
      ['a long list', json(onePayment({ notes: Array.from({ length: 21 }, () => 'a') }))],
    ]
    for (const [sentence, details] of odd)
      it(`T60 ${sentence} is refused, and never with a 5xx`, async () => {
        const push = (clientId: string) =>
          send(replicas, {
            path: '/request',
            ...(clientId === 'app.native' ? {} : { headers: basic(clientId, clientSecret) }),
            form: { ...askingFor(details), client_id: clientId },
          })
        for (const clientId of ['app.web', 'app.native']) {
          const pushed = await push(clientId)
          expect([pushed.status, pushed.json()['error']], pushed.body).to.deep.equal([
            400,
            'invalid_authorization_details',
          ])
        }
        const machine = await send(replicas, {
          path: '/token',
          headers: basic('app.machine', clientSecret),
          form: { grant_type: 'client_credentials', authorization_details: details },
        })
        expect([machine.status, machine.json()['error']]).to.deep.equal([400, 'invalid_authorization_details'])
        const device = await send(replicas, {
          path: '/device_authorization',
          form: { client_id: 'app.device', scope: 'openid', resource: bank, authorization_details: details },
        })
        expect([device.status, device.json()['error']]).to.deep.equal([400, 'invalid_authorization_details'])
      })

    it('T60 markup is text on the page', async () => {
      const creditor = '<img src=x onerror=alert(1)>"\'&amp;'
      const page = await consentPage(new Browser(replicas), json(onePayment({ creditor })))
      expect(outcomeOf(page)).to.equal('consent')
      expect(page.body).not.to.contain('<img src=x')
      expect(page.body).to.contain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;amp;')
    })

    it('T60 the parameter twice is refused', async () => {
      const query = `${new URLSearchParams(askingFor(json(onePayment()))).toString()}&authorization_details=[]`
      expect(outcomeOf(await new Browser(replicas).follow(`${replicas.issuer}/authorize?${query}`))).to.equal(
        'invalid_request',
      )
    })

    it('T60 a word of the API does not stand in for what the application wrote', async () => {
      const page = await consentPage(new Browser(replicas), json(onePayment({ creditor: 'initiate' })))
      expect(page.body).to.contain('<dd><bdi>initiate</bdi></dd>').and.to.contain('<dd><bdi>start it</bdi></dd>')
    })

    it('T60 a form cannot widen what the request asked for', async () => {
      const browser = new Browser(replicas)
      const page = await consentPage(browser, json(onePayment()))
      const forged = { decision: 'allow', authorization_details: json(allAccounts()), details: json(allAccounts()) }
      const back = await browser.submit(page, '/consent', forged)
      expect(outcomeOf(back)).to.equal('code')
      const account = await browser.follow('/account/applications')
      expect(account.body).not.to.contain('Look at your accounts')
    })

    it('T60 an exchange takes none and gives none', async () => {
      const { access } = await signIn('ada', json(onePayment()), { scope: 'openid bank:read' })
      const exchange = (more: Record<string, string> = {}) =>
        send(replicas, {
          path: '/token',
          headers: basic('bank.api', clientSecret),
          form: {
            grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
            subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
            subject_token: access,
            ...more,
          },
        })
      const plain = await exchange({ resource: bank })
      expect([plain.status, plain.json()['scope']], plain.body).to.deep.equal([200, 'bank:read'])
      expect(plain.json()).not.to.have.property('authorization_details')
      expect(claimsOfJwt(String(plain.json()['access_token']))).not.to.have.property('authorization_details')
      for (const named of [{ resource: bank }, { audience: bank }]) {
        const asked = await exchange({ ...named, authorization_details: json(onePayment()) })
        expect([asked.status, asked.json()['error']]).to.deep.equal([400, 'invalid_authorization_details'])
      }
    })

    it('T60 at the token endpoint nothing is added: another type, another API, a code for none', async () => {
      const code = await fetchCode(replicas, { parameters: asking(json(onePayment())) })
      const more = await redeem(replicas, code, {
        form: { resource: bank, authorization_details: json(allAccounts()) },
      })
      expect(more.json()['error']).to.equal('invalid_authorization_details')
      // the code was not used up by it
      expect((await redeem(replicas, code, { form: { resource: bank } })).status).to.equal(200)
      const none = await fetchCode(replicas, { parameters: { scope: 'openid bank:read', resource: bank } })
      const added = await redeem(replicas, none, {
        form: { resource: bank, authorization_details: json(onePayment()) },
      })
      expect(added.json()['error']).to.equal('invalid_authorization_details')
      const unnamed = await redeem(replicas, none, { form: { authorization_details: json(onePayment()) } })
      expect(unnamed.json()['error']).to.equal('invalid_authorization_details')
      const elsewhere = await redeem(replicas, none, {
        form: { resource: archive, authorization_details: json(allAccounts()) },
      })
      expect(elsewhere.json()['error']).to.equal('invalid_target')
    })

    it('T60 a request that is too long for the cookie is told to be pushed', async () => {
      const long = json(onePayment({ notes: Array.from({ length: 14 }, () => 'x'.repeat(240)) }))
      const opened = await openRequest(replicas, asking(long))
      expect(outcomeOf(opened), opened.location).to.equal('invalid_request')
      const form = { ...askingFor(long), redirect_uri: redirectUri }
      const pushed = await send(replicas, { path: '/request', headers: basic('app.web', clientSecret), form })
      const query = new URLSearchParams({ client_id: 'app.web', request_uri: String(pushed.json()['request_uri']) })
      const page = await new Browser(replicas).follow(`${replicas.issuer}/authorize?${query.toString()}`)
      expect(outcomeOf(page)).to.equal('sign-in')
    })
  })
})
