import { expect } from 'chai'
import { Browser, formOf } from '@nauthera/harness/browser'
import { fetchCode, redeem } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { mintLinkToken } from '../../../src/store/people/link-token.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { codeAt } from '../../../src/users/factors/totp.ts'
import { afterPassword, codeOf, setUpApp } from '../second-factor-flows.ts'

const expire = statement('test-expire-login', "UPDATE mail_links SET expires_at = now() - interval '1 second'")
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>

describe('a login link', () => {
  let server: ServerReplicas
  before(async () => {
    server = await startReplicas({ count: 3 })
    await server.serve([entry('app.web', configs.web)])
  })
  after(() => server?.stop())

  const store = () => server.apps[1]!.store
  /** @returns its path */
  async function linkFor(userId: string) {
    const token = mintLinkToken()
    const made = await store().loginLinks.create(userId, { token, lifeMs: 600_000, audit: [] })
    return made ? `/login-link/${token.plain}` : undefined
  }
  const person = async (username: string) => {
    const id = await addPerson(server, username)
    return { id, link: (await linkFor(id))! }
  }
  const use = async (link: string, browser = new Browser(server)) => {
    const page = await browser.follow(link)
    return { browser, page, end: await browser.submit(page, '/login-link', { use: 'yes' }) }
  }
  const gone = 'This link does not work any more'

  it('signs in without a password, for the account and every application, and says that it was no password', async () => {
    const { id, link } = await person('ada')
    const { page, end, browser } = await use(link)
    expect(page.body).to.contain('Sign in with a link').and.contain('ada').and.not.contain('id="password"')
    expect([new URL(end.url).pathname, end.status]).to.deep.equal(['/account', 200])
    const code = await fetchCode(server, { browser, username: 'nobody' })
    const tokens = (await redeem(server, code)).json() as { id_token: string }
    const claims = claimsOf(tokens.id_token)
    expect(claims).to.deep.include({ sub: id })
    expect(claims).to.not.deep.include({ acr: 'urn:nauthera:password' })
    await store().audit.flush()
    await server.apps[0]!.store.audit.flush()
    const events = (await store().audit.search({ userId: id, limit: 20 })).map(({ event }) => event)
    expect(events).to.include.members(['account.login_link_used', 'signin.success'])
  })

  it('asks for the second factor of whoever has one, and both together are two factors', async () => {
    const id = await addPerson(server, 'grace')
    const begun = await afterPassword(server, { username: 'grace', parameters: { acr_values: 'urn:nauthera:mfa' } })
    const { seed, end } = await setUpApp(server, begun)
    codeOf(end)
    const { page, browser, end: asked } = await use((await linkFor(id))!)
    expect(page.body).to.contain('id="use-login-link"')
    expect(asked.body).to.contain('id="second-factor"')
    expect((await browser.follow('/account')).url, 'not yet signed in').to.contain('/interaction/')
    const later = codeAt(seed, Date.now() + 30_000)
    const done = await browser.submit(asked, '/second-factor', { code: later })
    expect(new URL(done.url).pathname).to.equal('/account')
  })

  it('L20 opens as often as a scanner likes, and of 20 parallel uses over 3 replicas one signs in', async () => {
    const { link } = await person('busy')
    const tries: { browser: Browser; page: Awaited<ReturnType<Browser['follow']>> }[] = []
    for (let at = 0; at < 20; at++) {
      const browser = new Browser(server)
      tries.push({ browser, page: await browser.follow(link) })
    }
    const answers = await Promise.all(
      tries.map(({ page, browser }, at) => {
        const { action, fields } = formOf(page.body, '/login-link')
        return browser.open(action, { form: { ...fields, use: 'yes' }, replica: at % 3 })
      }),
    )
    const places = answers.map(({ headers }) => headers.location ?? '')
    const winners = places.flatMap((place, at) => (place.includes('code=') ? [at] : []))
    expect(winners, places.join('\n')).to.have.length(1)
    const end = await tries[winners[0]!]!.browser.follow(places[winners[0]!]!)
    expect(new URL(end.url, server.issuer).pathname).to.equal('/account')
    const loser = tries[winners[0] === 0 ? 1 : 0]!
    expect((await loser.browser.follow(loser.page.url)).body).to.contain(gone)
  })

  it('L20 ends with its time, with another one, with a new password, and with a disabled account', async () => {
    const { id, link: first } = await person('carol')
    const second = (await linkFor(id))!
    const shows = async (path: string) => (await new Browser(server).follow(path)).body
    expect(await shows(first))
      .to.contain(gone)
      .and.contain('id="password"')
    expect(await shows(second)).to.contain('id="use-login-link"')
    await store().users.revokeSessions(id, [])
    expect(await shows(second), 'sessions ended').to.contain(gone)
    const third = (await linkFor(id))!
    await store().users.setDisabled(id, true, [])
    expect(await shows(third), 'disabled').to.contain(gone)
    expect(await linkFor(id), 'of somebody disabled').to.equal(undefined)
    await store().users.setDisabled(id, false, [])
    const fourth = (await linkFor(id))!
    await store().database.query(expire)
    for (const path of [fourth, '/login-link/x', `/login-link/${'x'.repeat(500)}`])
      expect(await shows(path)).to.contain(gone)
  })

  it('L20 of those that are made at one moment one works', async () => {
    const id = await addPerson(server, 'twice')
    for (let round = 0; round < 10; round++) {
      const made = await Promise.all(Array.from({ length: 4 }, () => linkFor(id)))
      const owners = await Promise.all(made.map((link) => store().loginLinks.find(link!.split('/').at(-1)!)))
      expect(owners.filter(Boolean)).to.deep.equal([id])
    }
  })

  it('L1 signs nobody in without the button, nor by a request of an application, nor over a session of another person', async () => {
    const { link } = await person('dora')
    const hint = `login-link:${link.split('/').at(-1)}`
    const begun = await afterPassword(server, { username: 'x', parameters: { login_hint: hint } })
    expect(begun.page.body).to.not.contain('id="use-login-link"')
    const other = (await fetchCode(server, { username: 'ada' })).browser
    const asked = await other.follow(link)
    expect(asked.body).to.contain('dora').and.contain('id="use-login-link"')
    const { action, fields } = formOf(asked.body, '/login-link')
    const { form_token: _, ...without } = fields
    expect((await other.open(action, { form: { ...without, use: 'yes' } })).status).to.equal(403)
    const instead = await other.follow(action.replace('/login-link', '/switch'), { form: fields })
    expect(instead.body).to.contain('id="password"').and.not.contain(hint)
  })
})
