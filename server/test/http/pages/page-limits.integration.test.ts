import { expect } from 'chai'
import { Browser, send } from '@nauthera/harness/browser'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

const most = { ofPerson: 4, ofAddress: 40 }

const textOf = (html: string): string => html.replaceAll(/<[^>]*>/g, '').replaceAll(/\s+/g, ' ')

describe('the limits of pages', () => {
  let server: ServerReplicas
  before(async () => {
    server = await startReplicas({ settings: { trustedProxies: ['127.0.0.1'] }, mostPages: most })
    await server.serve([entry('app.web', configs.web)])
    for (const name of ['ada', 'bob']) await addPerson(server, name)
  })
  after(() => server?.stop())

  const from = (address: string) => ({ accept: 'text/html', 'x-forwarded-for': address })
  const get = (path: string, address: string) => send(server, { path, headers: from(address) })

  let people = 0
  const ownAddress = () => {
    const own = `192.0.5.${people++}`
    return () => own
  }
  /** @param address for each request; default: one of their own */
  async function signIn(username: string, address = ownAddress()): Promise<Browser> {
    const headers = {
      get 'x-forwarded-for'() {
        return address()
      },
    }
    const browser = new Browser(server, headers)
    await browser.submit(await browser.follow('/account'), '/sign-in', { username, password })
    return browser
  }

  it('L38 tell a person who opens page after page when to try again, and leave everybody else alone', async () => {
    const [ada, bob] = [await signIn('ada'), await signIn('bob')]
    // the sign-in has led to the first
    for (let n = 1; n < most.ofPerson; n++) expect((await ada.open('/account/sessions')).status).to.equal(200)
    for (const path of ['/account/sessions', '/account']) {
      const page = await ada.open(path)
      expect(page.status).to.equal(429)
      const seconds = Number(page.headers['retry-after'])
      expect(seconds).to.be.within(1, 60)
      expect(page.body).to.contain('Too many pages at once').and.contain('TOO_MANY_PAGES')
      expect(textOf(page.body)).to.match(new RegExp(`Try again in ${seconds} seconds?\\.`))
      expect(page.body).to.contain(`href="${path}"`)
    }
    expect((await bob.open('/account/sessions')).status).to.equal(200)
  })

  it('L38 let nobody use up the pages of a person with a session that has ended', async () => {
    const { users } = server.apps[0]!.store
    await addPerson(server, 'eve')
    const old = await signIn('eve')
    await users.revokeSessions((await users.findByLogin('eve'))!.id, [])
    for (let n = 0; n < 2 * most.ofPerson; n++) expect((await old.open('/account/sessions')).status).to.equal(303)
    expect((await (await signIn('eve')).open('/account/sessions')).status).to.equal(200)
  })

  it('L38 tell an address the same, as the trusted proxy names it, and count no asset', async () => {
    const page = await get('/', '192.0.2.1')
    const asset = /\/assets\/[^"]+\.css/.exec(page.body)![0]
    for (let n = 0; n < 2 * most.ofAddress; n++) expect((await get(asset, '192.0.2.1')).status).to.equal(200)
    for (let n = 1; n < most.ofAddress; n++) expect((await get('/forgot', '192.0.2.1')).status).to.be.below(429)
    const refused = await get('/', '192.0.2.1')
    expect(refused.status).to.equal(429)
    expect(Number(refused.headers['retry-after'])).to.be.within(1, 60)
    expect((await get('/', '192.0.2.2')).status).to.equal(200)
    expect((await get(asset, '192.0.2.1')).status).to.equal(200)
  })

  const unknownClient = '/authorize?client_id=nobody'
  const routed = ['/', '/forgot', '/account/sessions', `/reset/${'x'.repeat(43)}`, '/device']
  const unrouted = [unknownClient, '/authorize/nothing', '/logout/success', '/no-such-page', '/Account']
  /** 405, 403 and 400. */
  const refused: readonly Parameters<typeof send>[1][] = [
    { path: '/authorize', method: 'DELETE' },
    { path: '/logout/confirm', method: 'POST', headers: { origin: 'https://evil.test' } },
    { path: '/reset/%ff', method: 'GET' },
  ]
  for (const path of [...routed, ...unrouted])
    it(`L38 count ${path} as they count any other page`, async () => {
      const address = `192.0.3.${[...routed, ...unrouted].indexOf(path)}`
      for (let n = 0; n < most.ofAddress; n++) expect((await get(path, address)).status, `${n}`).not.to.equal(429)
      const tooMany = await get(path, address)
      expect(tooMany.status).to.equal(429)
      expect(Number(tooMany.headers['retry-after'])).to.be.within(1, 60)
      expect(tooMany.body).to.contain('TOO_MANY_PAGES').and.contain(`href="${path}"`)
      for (const other of [...routed, ...unrouted]) expect((await get(other, address)).status, other).to.equal(429)
      for (const { headers, ...asked } of refused)
        expect((await send(server, { ...asked, headers: { ...from(address), ...headers } })).status).to.equal(429)
    })

  it('L38 count the pages of the protocol for the session, also of one whose address is another each time', async () => {
    let next = 0
    const ada = await signIn('ada', () => `192.0.4.${next++}`)
    for (let n = 0; n < most.ofPerson; n++)
      expect((await ada.open(n % 2 ? '/logout' : unknownClient)).status).to.equal(n % 2 ? 200 : 400)
    for (const path of ['/logout', unknownClient]) expect((await ada.open(path)).status).to.equal(429)
    expect((await (await signIn('bob')).open('/logout')).status).to.equal(200)
  })

  it('L38 sign out whoever asks for it, whatever was asked for before', async () => {
    const ada = await signIn('ada')
    const page = await ada.follow('/logout')
    for (let n = 0; n < most.ofPerson; n++) await ada.open(unknownClient)
    expect((await ada.open(unknownClient)).status).to.equal(429)
    await ada.submit(page, '/logout/confirm', { logout: 'yes' })
    expect((await ada.open('/account')).status).to.equal(303)
  })

  it('L38 let programs go on that have an address with too many pages', async () => {
    for (let n = 0; n <= most.ofAddress; n++) await get('/', '192.0.2.3')
    expect((await get('/', '192.0.2.3')).status).to.equal(429)
    for (const path of ['/jwks', '/.well-known/openid-configuration'])
      expect((await get(path, '192.0.2.3')).status).to.equal(200)
    const program = { 'x-forwarded-for': '192.0.2.3' }
    expect((await send(server, { path: '/no-such-page', headers: program })).status).to.equal(404)
    const token = await send(server, { path: '/token', method: 'POST', headers: from('192.0.2.3') })
    expect(token.status).not.to.equal(429)
  })
})
