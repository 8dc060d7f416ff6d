import { expect } from 'chai'
import { Browser, basic, formOf, send } from '@nauthera/harness/browser'
import { fetchCode, redeem } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

/** Opens a page of the account area, signing in when asked. */
async function openSignedIn(browser: Browser, path: string, username = 'ada') {
  const page = await browser.follow(path)
  return page.body.includes('id="password"') ? browser.submit(page, '/sign-in', { username, password }) : page
}

describe('the gate of the account area', () => {
  let server: ServerReplicas
  let ada = ''
  before(async () => {
    server = await startReplicas({ count: 2 })
    await server.serve([entry('app.web', configs.web)])
    ada = await addPerson(server, 'ada')
  })
  after(() => server?.stop())

  it('asks for a sign-in, and comes back to the page that the person wanted', async () => {
    const browser = new Browser(server)
    const asked = await browser.follow('/account/security')
    expect(asked.url).to.contain('/interaction/')
    expect(asked.body).to.contain('to continue to your account')
    const page = await browser.submit(asked, '/sign-in', { username: 'ada', password })
    expect(new URL(page.url).pathname).to.equal('/account/security')
    expect(page.status).to.equal(200)
    expect(page.body).to.contain('ada Example')
  })

  it('lets in who is signed in for an application, and signs people in for applications too', async () => {
    const { browser } = await fetchCode(server)
    expect((await browser.open('/account')).status).to.equal(200)
    const other = new Browser(server)
    await openSignedIn(other, '/account')
    const { back } = await fetchCode(server, { browser: other, parameters: { prompt: 'none' } })
    expect(back.searchParams.get('code')).to.be.a('string')
  })

  it('works on every replica, with one query for a page', async () => {
    const browser = new Browser(server)
    await openSignedIn(browser, '/account')
    const { database } = server.apps[1]!.store
    const before = database.counters().roundTrips
    expect((await browser.open('/account', { replica: 1 })).status).to.equal(200)
    expect(database.counters().roundTrips - before).to.equal(1)
  })

  it('L32 asks to sign in again when the session was ended through another replica', async () => {
    const browser = new Browser(server)
    await openSignedIn(browser, '/account')
    await server.apps[1]!.store.users.revokeSessions(ada, [])
    const page = await browser.follow('/account')
    expect(page.url).to.contain('/interaction/')
    expect(page.body).to.contain('Your session has ended')
  })

  it('L32 lets nobody in who was disabled', async () => {
    const id = await addPerson(server, 'gone')
    const browser = new Browser(server)
    await openSignedIn(browser, '/account', 'gone')
    await server.apps[1]!.store.users.setDisabled(id, true, [])
    const page = await openSignedIn(browser, '/account', 'gone')
    expect(page.body).to.contain('The user name or password is wrong')
  })

  it('goes back home when the sign-in is cancelled', async () => {
    const browser = new Browser(server)
    const asked = await browser.follow('/account')
    const { action, fields } = formOf(asked.body, '/sign-in')
    const cancelled = await browser.follow(action.replace('/sign-in', '/cancel'), { form: fields })
    expect(new URL(cancelled.url).pathname).to.equal('/')
    expect(cancelled.body).to.contain('id="account"')
  })

  it('L31 goes to no other place after a sign-in, whatever the address says', async () => {
    const browser = new Browser(server)
    await openSignedIn(browser, '/account')
    for (const state of [
      'https://evil.test',
      '//evil.test',
      '/\\evil.test',
      '/account//evil.test',
      '/account/../token',
      '/accounts',
      '/account%0d%0ax:y',
      '/logout',
    ]) {
      const answer = await browser.open(`/account/callback?code=x&state=${encodeURIComponent(state)}`)
      expect([answer.status, answer.headers.location], state).to.deep.equal([303, '/account'])
    }
  })

  it('L32 writes no grant for a sign-in of its own, and its code can never be redeemed', async () => {
    const browser = new Browser(server)
    const asked = await browser.follow('/account')
    const { action, fields } = formOf(asked.body, '/sign-in')
    const sent = await browser.open(action, { form: { ...fields, username: 'ada', password } })
    const resumed = await browser.open(sent.headers.location!)
    const code = new URL(resumed.headers.location!, server.issuer).searchParams.get('code')!
    const redirect_uri = `${server.issuer}/account/callback`
    for (const secret of [clientSecret, '', 'hashed-secrets-are-compared-elsewhere']) {
      const answer = await send(server, {
        path: '/token',
        headers: basic('@account', secret),
        form: { grant_type: 'authorization_code', code, redirect_uri },
      })
      expect(answer.status, secret).to.be.oneOf([400, 401])
      expect(answer.json()).to.have.property('error', 'invalid_client')
    }
    const stolen = await redeem(server, { value: code, proof: { verifier: 'x'.repeat(43), challenge: '' } })
    expect(stolen.status).to.equal(400)
    const devices = await server.apps[0]!.store.devices.listOfUser(ada)
    expect(devices.every(({ client }) => client?.id !== '@account')).to.equal(true)
  })
})
