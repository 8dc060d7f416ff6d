import { expect } from 'chai'
import { Browser, password } from '@nauthera/harness/browser'
import { allowDevice, deviceGrant, fetchDeviceCode } from '@nauthera/harness/device'
import { fetchCode, redeem, tokensOf } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

describe('createProtocolPages', () => {
  let server: ServerReplicas
  before(async () => {
    server = await startReplicas()
    const API = 'https://api.example.com'
    await server.serve([
      entry('app.web', configs.web),
      entry('app.offline', { ...configs.web, clientName: 'Backup' }),
      entry('app.api', { ...configs.web, clientName: 'Reports', audiences: [API] }, { granted: { [API]: [] } }),
      entry('app.resource', configs.api),
      entry('app.device', {
        ...configs.spa,
        type: 'Device',
        redirectUris: [],
        corsOrigins: [],
        grantTypes: [deviceGrant],
      }),
    ])
    await addPerson(server, 'ada')
  })
  after(async () => {
    await server?.stop()
  })

  const headingOf = (body: string): string => /<h1>(.*)<\/h1>/.exec(body)?.[1] ?? ''
  const askToLeave = (browser: Browser, query: Record<string, string> = {}) =>
    browser.follow(`${server.issuer}/logout?${new URLSearchParams(query).toString()}`)

  it('says to a person who signed out that they are signed out', async () => {
    const { browser } = await fetchCode(server)
    const left = await browser.submit(await askToLeave(browser), '/logout/confirm', { logout: 'yes' })
    expect(headingOf(left.body)).to.equal('You are signed out')
  })

  it('says what ends for each application, before and after, in the language of the person', async () => {
    const browser = new Browser(server)
    const parameters = { client_id: 'app.offline', scope: 'openid offline_access' }
    await fetchCode(server, { browser })
    await fetchCode(server, { browser, parameters })
    const api = await fetchCode(server, {
      browser,
      parameters: { client_id: 'app.api', resource: 'https://api.example.com' },
    })
    expect(api.value).to.be.a('string')
    const { preferences, users } = server.apps[0]!.store
    const ada = (await users.findByLogin('ada'))!
    const wordsOf = (body: string) => body.replace(/<[^>]*>/g, '').replace(/\s+/g, ' ')
    const said = ['Test: at once', 'Reports: within 5 minutes', 'Backup keeps its access after you sign out']
    const asked = await askToLeave(browser)
    for (const words of said) expect(wordsOf(asked.body)).to.contain(words)
    const left = await browser.submit(asked, '/logout/confirm', { logout: 'yes' })
    expect(headingOf(left.body)).to.equal('You are signed out')
    for (const words of said) expect(wordsOf(left.body)).to.contain(words)
    await preferences.set(ada.id, { language: 'de' }, [])
    const again = await browser.open('/logout/success')
    expect(headingOf(again.body)).to.equal('Sie sind abgemeldet')
    expect(wordsOf(again.body)).to.contain('Test: sofort')
    await preferences.set(ada.id, {}, [])
    // another browser knows nothing of it
    expect(wordsOf((await new Browser(server).open('/logout/success')).body)).not.to.contain('Backup')
  })

  it('speaks one language through a sign-in, on pages of devices and in errors: that of the person', async () => {
    const { preferences, users } = server.apps[0]!.store
    const english = { 'accept-language': 'en' }
    const ada = (await users.findByLogin('ada'))!
    const languageOf = ({ headers }: { headers: Record<string, unknown> }) => headers['content-language']
    const browser = new Browser(server, english)
    await fetchCode(server, { browser })
    await preferences.set(ada.id, { language: 'de' }, [])
    const wrongAddress = new URLSearchParams({ client_id: 'app.web', redirect_uri: 'https://elsewhere.example.com/' })
    const errors = [
      await browser.follow(`${server.issuer}/authorize?${wrongAddress.toString()}`),
      await askToLeave(browser, { id_token_hint: 'none' }),
    ]
    expect(errors.map(({ status }) => status)).to.deep.equal([400, 400])
    const { user, link } = await fetchDeviceCode(server)
    const typing = await browser.follow('/device')
    const confirming = await browser.submit(typing, '/device', { 'user-code': user })
    const allowed = await allowDevice(browser, (await fetchDeviceCode(server)).user, { username: 'ada', password })
    const over = await browser.follow(new URL(link).pathname)
    for (const page of [...errors, typing, confirming, allowed, over])
      expect(languageOf(page), page.body).to.equal('de')
    expect(languageOf(await new Browser(server, english).follow('/device')), 'nobody is signed in').to.equal('en')
    await preferences.set(ada.id, {}, [])
  })

  it('says to a person who did not want to sign out that they are still signed in', async () => {
    const { browser, value, proof } = await fetchCode(server)
    const { id } = tokensOf(await redeem(server, { value, proof }))
    for (const query of [{}, { id_token_hint: id }]) {
      const stayed = await browser.submit(await askToLeave(browser, query), '/logout/confirm')
      expect(headingOf(stayed.body)).to.equal('You are still signed in')
    }
  })

  it('says to somebody without a session that they are signed out', async () => {
    const answer = await new Browser(server).follow(`${server.issuer}/logout/success`)
    expect(headingOf(answer.body)).to.equal('You are signed out')
  })
})
