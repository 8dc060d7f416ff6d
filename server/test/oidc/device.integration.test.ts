import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { Browser, basic, formOf, password, send } from '@nauthera/harness/browser'
import { allowDevice, requestDeviceCode, deviceGrant, fetchDeviceCode, poll, typeCode } from '@nauthera/harness/device'
import { claimsOfJwt, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'

const device = {
  ...configs.spa,
  type: 'Device',
  redirectUris: [],
  corsOrigins: [],
  clientName: 'Television',
  grantTypes: [deviceGrant, 'refresh_token'],
  scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
}
const ada = { username: 'ada', password }

describe('RFC 8628 the device flow', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({ count: 2 })
    await replicas.serve([
      entry('app.device', device),
      entry('app.web', configs.web),
      entry('app.other', device),
      entry('app.secret', { ...device, tokenEndpointAuthMethod: 'client_secret_basic' }),
      entry('app.asks', { ...device, consent: ConsentMode.EXPLICIT }),
      entry('app.engineers', { ...device, allowedGroups: ['engineers'] }),
      entry('app.strong', { ...device, requiredAcr: ['urn:nauthera:mfa'] }),
      entry('app.api', configs.api),
      entry(
        'app.api-caller',
        { ...device, audiences: ['deliveries'], scopes: ['openid', 'read'] },
        {
          granted: { deliveries: ['read'] },
        },
      ),
    ])
    await addPerson(replicas, 'ada', ['engineers'])
    await addPerson(replicas, 'bob')
  })
  after(() => replicas.stop())

  let statements = 0
  const sql = (text: string) => replicas.apps[0]!.store.database.query(statement(`test-${++statements}`, text))
  const errorOf = async (answer: ReturnType<typeof poll>) => (await answer).json()['error']
  const audited = async (event: string) => {
    const { audit } = replicas.apps[0]!.store
    await Promise.all(replicas.apps.map((app) => app.store.audit.flush()))
    return audit.search({ event, limit: 50 })
  }

  it('E20 answers 400 to NUL, which PostgreSQL does not store, in any parameter', async () => {
    for (const name of ['nonce', 'ui_locales', 'login_hint', 'acr_values', 'a-name-of-its-own']) {
      const answer = await requestDeviceCode(replicas, { [name]: 'a\u0000b' })
      // a parameter that nobody knows is not kept
      const expected = name === 'a-name-of-its-own' ? 200 : 400
      expect(answer.status, `${name}: ${answer.body}`).to.equal(expected)
      if (expected === 400) expect(answer.json()).to.include({ error: 'invalid_request' })
    }
    expect((await requestDeviceCode(replicas, { nonce: 'a\u0001b' })).status).to.equal(200)
  })

  it('section 3.1, 3.2: a device asks for a code, and learns all that it needs', async () => {
    const answer = await requestDeviceCode(replicas)
    expect(answer.status, answer.body).to.equal(200)
    const { device_code, user_code, ...rest } = answer.json() as Record<string, string>
    expect(user_code).to.match(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    expect(device_code).to.match(/^nr_/)
    expect(rest).to.deep.equal({
      verification_uri: `${replicas.issuer}/device`,
      verification_uri_complete: `${replicas.issuer}/device?user_code=${user_code!}`,
      expires_in: 600,
      interval: 5,
    })
    expect(answer.headers['cache-control']).to.equal('no-store')
  })

  it('section 4: the metadata names the endpoint and the grant', async () => {
    const metadata = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
    expect(metadata['device_authorization_endpoint']).to.equal(`${replicas.issuer}/device_authorization`)
    expect(metadata['grant_types_supported']).to.include(deviceGrant)
  })

  describe('section 3.1: a request for a code is refused', () => {
    const refusals: readonly [string, Record<string, string>, number, string][] = [
      ['of a client without the grant', { client_id: 'app.web' }, 401, 'invalid_client'],
      ['of an unknown client', { client_id: 'app.nobody' }, 401, 'invalid_client'],
      ['of a client that must show a secret', { client_id: 'app.secret' }, 401, 'invalid_client'],
      ['with an API that the client does not list', { resource: 'https://other.example.com' }, 400, 'invalid_target'],
      ['that is too long', { login_hint: 'x'.repeat(3000) }, 400, 'invalid_request'],
      ['with claims that are no JSON', { claims: '{' }, 400, 'invalid_request'],
    ]
    for (const [sentence, form, status, error] of refusals) {
      it(sentence, async () => {
        const answer = await requestDeviceCode(replicas, form)
        expect([answer.status, answer.json()['error']], answer.body).to.deep.equal([status, error])
      })
    }
  })

  it('section 3.3 to 3.5: a person types the code, says that the device is theirs, and signs in; then the device has tokens', async () => {
    const code = await fetchDeviceCode(replicas, { scope: 'openid email phone offline_access' })
    expect(await errorOf(poll(replicas, code))).to.equal('authorization_pending')
    const browser = new Browser(replicas)
    const asks = await typeCode(browser, code.user.toLowerCase().replace('-', ' '))
    expect(asks.body).to.contain('Television').and.to.contain(code.user).and.to.contain('See your e-mail address')
    const page = await allowDevice(browser, code.user, ada)
    expect(page.status, page.body).to.equal(200)
    expect(page.body).to.contain('Your device is signed in').and.to.contain('Television')
    const tokens = tokensOf(await poll(replicas, code, { replica: 1 }))
    expect(claimsOfJwt(tokens.id)).to.include({ aud: 'app.device', email: 'ada@example.com' })
    const again = await send(replicas, {
      path: '/token',
      form: { client_id: 'app.device', grant_type: 'refresh_token', refresh_token: tokens.refresh },
    })
    expect(again.status, again.body).to.equal(200)
    const userinfo = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${tokens.access}` } })
    expect(userinfo.json()).to.include({ email: 'ada@example.com' })
    const events = await audited('device.approved')
    expect(events.filter(({ userId }) => userId === claimsOfJwt(tokens.id)['sub'])).to.have.length(1)
    expect(events[0]).to.include({ clientId: 'app.device', outcome: 'success' })
    const { detail } = (await audited('token.issued')).find((event) => event.detail?.['grant'] === 'device_code')!
    expect(detail?.['scopesLeftOut']).to.equal('phone')
  })

  it('section 3.3.1: the link with the code fills in the field, and asks all the same', async () => {
    const code = await fetchDeviceCode(replicas)
    const browser = new Browser(replicas)
    const filled = await browser.follow(code.link)
    expect(filled.body).to.contain(`value="${code.user}"`)
    const names = [...browser.jar.values()].map(({ name }) => name)
    expect(names, 'opening the link begins nothing').to.deep.equal(['nauthera_form'])
    const asks = await browser.submit(filled, '/device', { 'user-code': code.user })
    expect(asks.body).to.contain('id="device-allow"')
    expect(await errorOf(poll(replicas, code))).to.equal('authorization_pending')
  })

  it('section 3.5, L14: a device that asks too fast is told to slow down, on whichever replica', async () => {
    const code = await fetchDeviceCode(replicas)
    const answers = await Promise.all([0, 1, 0, 1].map((replica) => errorOf(poll(replicas, code, { replica }))))
    expect(answers).to.have.members(['authorization_pending', 'slow_down', 'slow_down', 'slow_down'])
    await allowDevice(new Browser(replicas), code.user, ada)
    expect((await poll(replicas, code)).status, 'an answer is never held back').to.equal(200)
  })

  it('section 3.5, A6: of many polls at once, over replicas, one gets tokens; a code that was used ends them', async () => {
    const code = await fetchDeviceCode(replicas)
    await allowDevice(new Browser(replicas), code.user, ada)
    const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => poll(replicas, code, { replica: at % 2 })))
    expect(
      answers.filter(({ status }) => status === 200),
      answers.map(({ body }) => body).join(),
    ).to.have.length(1)
    expect(new Set(answers.filter(({ status }) => status !== 200).map((each) => each.json()['error']))).to.deep.equal(
      new Set(['invalid_grant']),
    )
    const { access_token: access } = answers.find(({ status }) => status === 200)!.json() as Record<string, string>
    const userinfo = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access!}` } })
    expect(userinfo.status).to.equal(401)
  })

  describe('section 3.5: a poll is refused', () => {
    it('with a code that is none, is edited, or is another kind of value', async () => {
      const code = await fetchDeviceCode(replicas)
      for (const value of ['x', `${code.device}A`, code.device.slice(0, -4), code.user])
        expect(await errorOf(poll(replicas, { device: value })), value).to.equal('invalid_grant')
    })

    it('of another client', async () => {
      const code = await fetchDeviceCode(replicas)
      expect(await errorOf(poll(replicas, code, { form: { client_id: 'app.other' } }))).to.equal('invalid_grant')
      await allowDevice(new Browser(replicas), code.user, ada)
      expect(await errorOf(poll(replicas, code, { form: { client_id: 'app.other' } }))).to.equal('invalid_grant')
      expect((await poll(replicas, code)).status).to.equal(200)
    })

    it('when the code has expired', async () => {
      const code = await fetchDeviceCode(replicas)
      await sql(
        `UPDATE device_codes SET expires_at = now() - interval '1 second', payload = jsonb_set(payload, '{exp}', '1000') WHERE user_code = '${code.user.replace('-', '')}'`,
      )
      expect(await errorOf(poll(replicas, code))).to.equal('expired_token')
      const page = await typeCode(new Browser(replicas), code.user)
      expect(page.body).to.contain('This code is wrong, or it does not work any more')
    })
  })

  describe('section 5.4: who does not know the device refuses', () => {
    it('on the page that asks', async () => {
      const code = await fetchDeviceCode(replicas)
      const browser = new Browser(replicas)
      const page = await browser.submit(await typeCode(browser, code.user), '/device', { decision: 'deny' })
      expect(page.body).to.contain('The device was not signed in')
      const answer = await poll(replicas, code)
      expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'access_denied'])
      expect(await errorOf(poll(replicas, code)), 'each time that it asks').to.equal('access_denied')
      expect(await audited('device.denied')).to.have.length(1)
      expect((await typeCode(new Browser(replicas), code.user)).body).to.contain('id="user-code"')
    })

    it('or does not agree to what the application wants', async () => {
      const code = await fetchDeviceCode(replicas, { client_id: 'app.asks' })
      const browser = new Browser(replicas)
      let page = await browser.submit(await typeCode(browser, code.user), '/device', { decision: 'allow' })
      page = await browser.submit(page, '/sign-in', ada)
      expect(page.body).to.contain('After that you go back to your device.')
      page = await browser.submit(page, '/consent', { decision: 'deny' })
      expect(page.body).to.contain('The device was not signed in')
      expect(await errorOf(poll(replicas, code, { form: { client_id: 'app.asks' } }))).to.equal('access_denied')
    })
  })

  describe('the sign-in is the ordinary one', () => {
    it('who is signed in is only asked whether the device is theirs', async () => {
      const browser = new Browser(replicas)
      const first = await fetchDeviceCode(replicas)
      await allowDevice(browser, first.user, ada)
      const code = await fetchDeviceCode(replicas)
      const asks = await typeCode(browser, code.user)
      expect(asks.body).to.contain('ada Example')
      const done = await browser.submit(asks, '/device', { decision: 'allow' })
      expect(done.body).to.contain('Your device is signed in')
      expect((await poll(replicas, code)).status).to.equal(200)
    })

    it('with consent, where the client wants one', async () => {
      const code = await fetchDeviceCode(replicas, { client_id: 'app.asks' })
      const page = await allowDevice(new Browser(replicas), code.user, ada)
      expect(page.body).to.contain('Your device is signed in')
      expect((await poll(replicas, code, { form: { client_id: 'app.asks' } })).status).to.equal(200)
    })

    it('with access.allowedGroups', async () => {
      const code = await fetchDeviceCode(replicas, { client_id: 'app.engineers' })
      const page = await allowDevice(new Browser(replicas), code.user, { username: 'bob', password })
      expect(page.status).to.equal(403)
      expect(page.body).to.contain('is not allowed to use')
      expect(await errorOf(poll(replicas, code, { form: { client_id: 'app.engineers' } }))).to.equal(
        'authorization_pending',
      )
    })

    it('with the second factor that its client needs', async () => {
      const code = await fetchDeviceCode(replicas, { client_id: 'app.strong' })
      const page = await allowDevice(new Browser(replicas), code.user, ada)
      expect(page.body).to.contain('id="set-up"')
      expect(await errorOf(poll(replicas, code, { form: { client_id: 'app.strong' } }))).to.equal(
        'authorization_pending',
      )
    })

    it('with a token for an API that it names (RFC 8707)', async () => {
      const form = { client_id: 'app.api-caller', scope: 'openid read', resource: 'deliveries' }
      const code = await fetchDeviceCode(replicas, form)
      await allowDevice(new Browser(replicas), code.user, ada)
      const answer = await poll(replicas, code, { form: { client_id: 'app.api-caller', resource: form.resource } })
      expect(answer.status, answer.body).to.equal(200)
      const { access_token } = answer.json() as Record<string, string>
      expect(claimsOfJwt(access_token!)).to.include({ aud: form.resource, scope: 'read' })
    })

    it('with a client that shows a secret', async () => {
      const headers = basic('app.secret', clientSecret)
      const answer = await send(replicas, { path: '/device_authorization', headers, form: { scope: 'openid' } })
      const { device_code, user_code } = answer.json() as Record<string, string>
      await allowDevice(new Browser(replicas), user_code!, ada)
      const form = { grant_type: deviceGrant, device_code: device_code! }
      expect((await send(replicas, { path: '/token', form })).status, 'without it').to.equal(400)
      expect((await send(replicas, { path: '/token', headers, form })).status).to.equal(200)
    })

    it('T5 ends with the person: one who is disabled after they allowed a device gets it no tokens', async () => {
      const eve = await addPerson(replicas, 'eve')
      const code = await fetchDeviceCode(replicas)
      await allowDevice(new Browser(replicas), code.user, { username: 'eve', password })
      await sql(`UPDATE users SET disabled_at = now() WHERE id = '${eve}'`)
      expect(await errorOf(poll(replicas, code))).to.equal('invalid_grant')
    })
  })

  describe('L14 approval', () => {
    it('comes from the browser in which the code was typed, and by a form of ours alone', async () => {
      const code = await fetchDeviceCode(replicas)
      const browser = new Browser(replicas)
      const page = await typeCode(browser, code.user)
      const thief = new Browser(replicas)
      expect((await thief.follow(page.url)).status, 'another browser').to.equal(403)
      expect((await browser.open(`${page.url}/device?decision=allow`)).status, 'by GET').to.equal(303)
      const { headers } = await browser.open(page.url)
      expect(headers['content-security-policy']).to.contain("frame-ancestors 'none'")
      const foreign = await send(replicas, {
        path: `${new URL(page.url).pathname}/device`,
        form: { decision: 'allow' },
        headers: {
          origin: 'https://evil.example',
          cookie: [...browser.jar.values()].map((c) => `${c.name}=${c.value}`).join('; '),
        },
      })
      expect(foreign.status, 'from another site').to.equal(403)
      const uid = new URL(page.url).pathname.split('/').at(-1)!
      expect((await browser.open(`/device/${uid}`)).status, 'before the pages have ended').to.equal(403)
      expect(await errorOf(poll(replicas, code))).to.equal('authorization_pending')
    })

    it('skips no page: a form of a later step leads back to the question whose device it is', async () => {
      const code = await fetchDeviceCode(replicas)
      const browser = new Browser(replicas)
      const page = await typeCode(browser, code.user)
      const other = await browser.submit({ ...page, body: page.body.replace('/device"', '/sign-in"') }, '/sign-in', ada)
      expect(other.body).to.contain('id="device-allow"')
    })

    it('happens once: of two people with the same code the first one decides', async () => {
      const code = await fetchDeviceCode(replicas)
      const [first, second] = [new Browser(replicas), new Browser(replicas)]
      const late = await second.submit(await typeCode(second, code.user), '/device', { decision: 'allow' })
      await allowDevice(first, code.user, ada)
      const over = await second.submit(late, '/sign-in', { username: 'bob', password })
      expect([over.status, over.body.includes('This code does not work any more')]).to.deep.equal([400, true])
      const { id } = tokensOf(await poll(replicas, code))
      expect(claimsOfJwt(id)['email']).to.equal('ada@example.com')
    })
  })

  it('L14 wrong codes of one address are counted over all replicas: so many, and no more is looked up', async () => {
    const browser = new Browser(replicas)
    const { fields } = formOf((await browser.follow('/device')).body, '/device')
    const guess = async (userCode: string, replica: number) =>
      browser.open('/device', { replica, form: { ...fields, 'user-code': userCode } })
    const code = await fetchDeviceCode(replicas)
    const letters = 'BCDFGHJKLMNPQRSTVWXZ'
    const wrong = Array.from({ length: 50 }, (_, at) => `BBBBBB${letters[at % 20]!}${letters[Math.floor(at / 20)]!}`)
    const answers = await Promise.all(wrong.map((userCode, at) => guess(userCode, at % 2)))
    const blocked = answers.filter(({ status }) => status === 429)
    expect(blocked.length).to.be.within(20, 50)
    expect(Number(blocked[0]!.headers['retry-after'])).to.be.greaterThan(0)
    expect((await guess(code.user, 0)).status, 'the right one too, until the time is over').to.equal(429)
    expect((await audited('device.blocked')).length).to.be.greaterThan(0)
    await sql(`DELETE FROM attempts WHERE key LIKE 'd:%'`)
    expect((await guess(code.user, 0)).status).to.equal(303)
  })

  it('E6 codes that nobody uses are bounded for each address, and removed', async () => {
    await sql(
      `INSERT INTO device_codes (id, user_code, client_uid, address, payload, expires_at)
       SELECT 'flood-' || n, 'FLOOD' || n, 'uid-app.other', '127.0.0.1', '{}', now() + interval '5 minutes' FROM generate_series(1, 100) n`,
    )
    const answer = await requestDeviceCode(replicas)
    expect([answer.status, answer.json()['error']]).to.deep.equal([429, 'temporarily_unavailable'])
    await sql(`UPDATE device_codes SET expires_at = now() - interval '1 hour' WHERE id LIKE 'flood-%'`)
    expect(await replicas.apps[0]!.store.reaper.reap()).to.be.at.least(100)
    expect((await requestDeviceCode(replicas)).status).to.equal(200)
  })

  it('what the database holds is no code that a device could show', async () => {
    const code = await fetchDeviceCode(replicas)
    const rows = JSON.stringify(await sql('SELECT * FROM device_codes'))
    expect(rows).to.contain(code.user.replace('-', '')).and.not.to.contain(code.device.slice(20))
  })
})
