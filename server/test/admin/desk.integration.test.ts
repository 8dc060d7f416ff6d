import { expect } from 'chai'
import { Browser, formOf, password } from '@nauthera/harness/browser'
import { fetchCode, fetchTokens, introspect } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { statement } from '../../src/store/driver/database.ts'
import { codeLimits } from '../../src/users/factors/second-factors.ts'
import { defaultLimits } from '../../src/users/passwords/lockout.ts'
import { afterPassword, codeOf, setUpApp } from '../login/second-factor-flows.ts'
import { signInMember } from './members.ts'

describe('the help desk', () => {
  let server: ServerReplicas
  let admin = ''
  let agent: Browser
  before(async () => {
    server = await startReplicas({ count: 2, settings: { admin: { group: 'desk' } } })
    await server.serve([entry('app.web', configs.web), entry('team-b.other', configs.web)])
    admin = await addPerson(server, 'agent', ['desk'])
    agent = await newMember('agent')
    await addPerson(server, 'ada')
    await addPerson(server, 'bob', ['staff'])
  })
  after(() => server?.stop())

  const store = () => server.apps[1]!.store
  const pathOf = (id: string) => `/admin/people/${id}`
  const idOf = async (username: string) => (await store().users.findByLogin(username))!.id
  const eventsOf = async (userId: string) =>
    (await store().audit.search({ userId, limit: 50 })).map(({ event }) => event)

  async function open(path: string, username: string) {
    const browser = new Browser(server)
    const page = await browser.follow(path)
    return { ...(await browser.submit(page, '/sign-in', { username, password })), browser }
  }
  const newMember = (username: string) => signInMember(server, username)
  /** The help desk, by its member. */
  async function desk(path: string, browser = agent.copy()) {
    return { ...(await browser.follow(path)), browser }
  }
  /** Does it, by the page that asks. */
  async function act(id: string, name: string) {
    const page = await desk(`${pathOf(id)}/${name}`)
    return page.browser.submit(page, `/${name}`, { confirm: 'yes' })
  }

  it('finds a person, and shows what there is to know, and no secret', async () => {
    const ada = await idOf('ada')
    await fetchTokens(server, { username: 'ada', parameters: { scope: 'openid email offline_access' } })
    await server.apps[0]!.store.audit.flush()
    const found = await desk('/admin?q=AD')
    expect(found.status).to.equal(200)
    expect(found.body)
      .to.contain(`href="${pathOf(ada)}"`)
      .and.contain('<nav aria-label="Help desk">')
      .and.not.contain(await idOf('bob'))
    const shown = await found.browser.open(pathOf(ada))
    for (const text of ['ada@example.com', 'app.web', 'Signed in', '127.0.0.1', 'act-disable', 'act-sign-out'])
      expect(shown.body.replaceAll('<wbr>', '')).to.contain(text)
    expect(shown.body).not.to.match(/argon2|nr_[0-9a-f]{8}_|password_hash/)
    // a member signs in at our own pages, which have no name that anybody knows
    for (const page of ['', '/audit']) {
      const member = await found.browser.open(`${pathOf(await idOf('agent'))}${page}`)
      expect(member.body).to.contain('at the pages of the account').and.not.contain('@account')
    }
    const bob = await found.browser.open(pathOf(await idOf('bob')))
    expect(bob.body).to.contain('<bdi>staff</bdi>').and.contain('There is no session')
    await server.apps[0]!.store.audit.flush()
    expect(await eventsOf(admin)).to.include('admin.desk.show')
  })

  it('shows what an application may do at which API', async () => {
    const id = await addPerson(server, 'payer')
    const allow = statement(
      'test-allow-api',
      `INSERT INTO consents (user_id, client_uid, client_id, scopes, payload)
         VALUES ($1, 'uid-1', 'app.web', '{openid}', '{"resources":{"urn:api:invoices":["invoices:read"]}}')`,
    )
    await store().database.query(allow, [id])
    expect((await desk(pathOf(id))).body.replaceAll('<wbr>', '')).to.contain('openid invoices:read (urn:api:invoices)')
  })

  it('lifts a lock', async () => {
    const id = await addPerson(server, 'locked')
    const browser = new Browser(server)
    const asked = await browser.follow('/account')
    for (let failure = 0; failure < defaultLimits.perAccount; failure++)
      await browser.submit(asked, '/sign-in', { username: 'locked', password: 'not the password' })
    const page = await desk(pathOf(id))
    expect(page.body).to.contain('locked until').and.contain('act-unlock')
    const done = await act(id, 'unlock')
    expect(done.body).to.contain('The lock is lifted').and.not.contain('act-unlock')
    expect((await open('/account', 'locked')).url).to.match(/\/account$/)
    expect(await eventsOf(id)).to.include('account.unlocked')
  })

  it('shows locked codes of a second factor, and lifts that lock as well', async () => {
    const id = await addPerson(server, 'mistyped')
    for (let wrong = 0; wrong < codeLimits.perAccount; wrong++) await store().factors.countWrongCode(id, codeLimits)
    const page = await desk(pathOf(id))
    expect(page.body).to.contain('id="wrong-codes"').and.contain('locked until').and.contain('act-unlock')
    expect((await act(id, 'unlock')).body).not.to.contain('id="wrong-codes"')
    expect((await store().attempts.failuresOf(id)).codes).to.equal(undefined)
  })

  it('disables and enables a person: sessions and tokens end at once, on every replica', async () => {
    const id = await addPerson(server, 'carla')
    const tokens = await fetchTokens(server, { username: 'carla', parameters: { scope: 'openid offline_access' } })
    const done = await act(id, 'disable')
    expect(done.body).to.contain('The account is disabled').and.contain('act-enable')
    expect((await introspect(server, tokens.access, { replica: 1 })).json()).to.deep.equal({ active: false })
    expect((await open('/account', 'carla')).body).to.contain('The user name or password is wrong')
    expect((await act(id, 'enable')).body).to.contain('The account is enabled')
    expect((await open('/account', 'carla')).url).to.match(/\/account$/)
    expect(await eventsOf(id)).to.include.members(['account.disabled', 'account.enabled'])
    const [row] = await store().audit.search({ userId: id, event: 'account.disabled', limit: 1 })
    expect(row).to.deep.include({ detail: { by: admin }, address: '127.0.0.1' })
    const desk = await store().audit.search({ userId: admin, event: 'admin.desk.disable', limit: 1 })
    expect(desk[0]!.detail).to.deep.equal({ person: id, username: 'carla' })
  })

  it('signs a person out everywhere', async () => {
    const id = await addPerson(server, 'dora')
    const { browser } = await fetchCode(server, { username: 'dora' })
    expect((await act(id, 'sign-out')).body).to.contain('Every session has ended')
    expect((await browser.follow('/account')).url).to.contain('/interaction/')
  })

  it('removes the second factor of a person who has lost it, and ends the sessions', async () => {
    const id = await addPerson(server, 'lost')
    const begun = await afterPassword(server, { username: 'lost', parameters: { acr_values: 'urn:nauthera:mfa' } })
    const { browser } = codeOf((await setUpApp(server, begun)).end)
    expect((await desk(pathOf(id))).body)
      .to.contain('authenticator app')
      .and.contain('act-reset-factors')
    expect((await act(id, 'reset-factors')).body)
      .to.contain('The second step is removed')
      .and.contain('There is none.')
    expect((await browser.follow('/account')).url).to.contain('/interaction/')
    expect((await open('/account', 'lost')).url).to.match(/\/account$/)
    expect(await eventsOf(id)).to.include.members(['factor.removed', 'session.revoked_all'])
  })

  it('L12 shows who can sign in at other providers, and removes what was linked, with every session', async () => {
    const id = await addPerson(server, 'linked')
    const { browser } = await fetchCode(server, { username: 'linked' })
    expect((await desk(pathOf(id))).body).not.to.contain('act-unlink')
    const { standing } = (await store().accounts.load({ userId: id }))!
    const identity = { upstream: 'hub', issuer: 'https://hub.example.test', subject: 'h<1>', maxAgeMs: 60_000 }
    await store().upstreamLinks.link(identity, { userId: id, proved: standing }, { audit: [] })
    expect((await desk(pathOf(id))).body)
      .to.contain('h&lt;1&gt;')
      .and.contain('act-unlink')
    expect((await act(id, 'unlink')).body)
      .to.contain('The linked sign-ins are removed')
      .and.not.contain('h&lt;1&gt;')
    expect(await store().upstreamLinks.of(id)).to.deep.equal([])
    expect((await browser.follow('/account')).url).to.contain('/interaction/')
    expect(await eventsOf(id)).to.include.members(['account.unlinked', 'session.revoked_all'])
  })

  it('shows clients and keys, to look at', async () => {
    const { browser, ...clients } = await desk('/admin/clients?q=team-b')
    const listed = clients.body.replaceAll('<wbr>', '')
    expect(listed).to.contain('team-b.other').and.contain('served').and.not.contain('app.web')
    const keys = await browser.open('/admin/keys')
    expect(keys.body).to.contain('ES256').and.contain('active')
    for (const page of [clients, keys]) expect(page.body).not.to.contain('<form method="post"')
  })

  it('does nothing twice: what is done already is not offered', async () => {
    const id = await addPerson(server, 'emil')
    const page = await desk(`${pathOf(id)}/disable`)
    await act(id, 'disable')
    const again = await page.browser.submit(page, '/disable', { confirm: 'yes' })
    expect(new URL(again.url).pathname).to.equal(pathOf(id))
    expect((await eventsOf(id)).filter((event) => event === 'account.disabled')).to.have.length(1)
    const unlocked = await page.browser.follow(`${pathOf(id)}/unlock`)
    expect(new URL(unlocked.url).pathname).to.equal(pathOf(id))
  })

  describe('keeps others out', () => {
    it('L40 shows a person who is no member the page of an address that does not exist', async () => {
      const { browser } = await open('/account', 'ada')
      const missing = await browser.open('/nothing-is-here')
      const plain = (html: string) => html.replaceAll(/[0-9a-f]{8,}/g, '')
      const ada = await idOf('ada')
      for (const path of ['/admin', '/admin/clients', '/admin/keys', pathOf(ada), `${pathOf(ada)}/disable`]) {
        const answer = await browser.open(path)
        expect(answer.status, path).to.equal(404)
        expect(plain(answer.body), path).to.equal(plain(missing.body))
      }
    })

    it('L40 refuses a form of somebody who is no member, or is none any more', async () => {
      const bob = await idOf('bob')
      await addPerson(server, 'former', ['desk'])
      const page = await desk(`${pathOf(bob)}/disable`, await newMember('former'))
      expect(page.body).to.contain('id="confirm"')
      const former = await idOf('former')
      await store().groups.removeMember('desk', former, [])
      const answer = await page.browser.submit(page, '/disable', { confirm: 'yes' })
      expect(answer.status).to.equal(404)
      expect((await store().accounts.load({ userId: bob }))!.user.disabled).to.equal(false)
    })

    it('L40 tells nobody by a form without its token more than by its page', async () => {
      const { browser } = await open('/account', 'ada')
      const bob = await idOf('bob')
      const missing = await browser.open('/nothing-is-here')
      const plain = (html: string) => html.replaceAll(/[0-9a-f]{8,}/g, '')
      for (const form of [{}, { confirm: 'yes' }, { form_token: 'x' }]) {
        const answer = await browser.open(`${pathOf(bob)}/disable`, { form })
        expect([answer.status, plain(answer.body)]).to.deep.equal([404, plain(missing.body)])
      }
      const stranger = await new Browser(server).open(`${pathOf(bob)}/disable`, { form: { confirm: 'yes' } })
      expect(stranger.status).to.equal(303)
    })

    it('L40 asks whoever is not signed in to sign in', async () => {
      expect((await new Browser(server).follow('/admin')).url).to.contain('/interaction/')
    })

    it('L40 wants a second factor of a member, and a sign-in that is not old', async () => {
      await addPerson(server, 'careless', ['desk'])
      const { browser, ...account } = await open('/account', 'careless')
      expect(account.url).to.match(/\/account$/)
      for (const path of ['/admin', '/admin/keys', `${pathOf(await idOf('bob'))}/disable`]) {
        const asked = await browser.follow(path)
        expect(asked.url, path).to.contain('/interaction/')
        expect(asked.body, path).not.to.contain('id="confirm"')
      }
    })

    it('L40 is nowhere without the setting', async () => {
      const other = await startReplicas()
      try {
        expect((await new Browser(other).open('/admin')).status).to.equal(404)
      } finally {
        await other.stop()
      }
    })

    it('L40 gives 404 for an id of nobody, and of another making', async () => {
      const { browser } = await desk('/admin')
      const nobody = '00000000-0000-4000-8000-000000000000'
      for (const id of [nobody, 'x', "1'%20OR%20'1'='1", '..%2fkeys', '__proto__'])
        expect((await browser.open(pathOf(id))).status, id).to.equal(404)
      const page = await desk(`${pathOf(await idOf('bob'))}/disable`)
      const { fields } = formOf(page.body, '/disable')
      const changed = await page.browser.open(`${pathOf(nobody)}/disable`, { form: { ...fields, confirm: 'yes' } })
      expect(changed.status).to.equal(404)
    })

    it('L1 refuses a form of another site, without its token, or of another session', async () => {
      const bob = await idOf('bob')
      const path = `${pathOf(bob)}/disable`
      await addPerson(server, 'colleague', ['desk'])
      const page = await desk(path)
      const other = await desk(path, await newMember('colleague'))
      const { fields: foreign } = formOf(other.body, '/disable')
      expect((await page.browser.open(path, { form: { confirm: 'yes' } })).status).to.equal(403)
      expect((await page.browser.open(path, { form: { ...foreign, confirm: 'yes' } })).status).to.equal(403)
      expect((await store().accounts.load({ userId: bob }))!.user.disabled).to.equal(false)
    })

    it('L41 lets an administrator do nothing to the own account that could lock them out', async () => {
      const { browser, ...page } = await desk(pathOf(admin))
      expect(page.body).to.contain('This is your own account').and.not.contain('id="act-')
      for (const act of ['disable', 'sign-out', 'unlock']) {
        const answer = await browser.follow(`${pathOf(admin)}/${act}`)
        expect(new URL(answer.url).pathname, act).to.equal(pathOf(admin))
      }
      const bob = await desk(`${pathOf(await idOf('bob'))}/disable`, browser)
      const { fields } = formOf(bob.body, '/disable')
      await browser.open(`${pathOf(admin)}/disable`, { form: { ...fields, confirm: 'yes' } })
      expect((await store().accounts.load({ userId: admin }))!.user.disabled).to.equal(false)
    })

    it('E8 takes a search and a page token as text', async () => {
      const { browser } = await desk('/admin')
      for (const q of ["' OR ''='", '%', '_', '\u0000', 'x'.repeat(3000)])
        for (const after of ['', 'x', "'; DROP TABLE users; --"]) {
          const answer = await browser.open(`/admin?${new URLSearchParams({ q, after })}`)
          expect(answer.status).to.equal(200)
        }
      expect((await browser.open(`/admin?${new URLSearchParams({ q: "' OR ''='" })}`)).body).to.contain(
        'Nobody was found',
      )
    })

    it('L15 shows markup in names, addresses of browsers and groups as text', async () => {
      const markup = '<script>alert(1)</script>'
      const user = await store().users.insert({
        username: `mark-${markup}`,
        name: `Mark ${markup}`,
        groups: [`group ${markup}`],
      })
      store().audit.record({
        event: 'signin.failure',
        outcome: 'failure',
        reason: markup,
        clientId: markup,
        address: markup,
        userId: user.id,
      })
      await store().audit.flush()
      const { browser, ...page } = await desk(pathOf(user.id))
      const pages = [page, await browser.open('/admin?q=mark-'), await browser.open(`${pathOf(user.id)}/disable`)]
      for (const { status, body } of pages) {
        expect(status).to.equal(200)
        expect(body).to.contain('&lt;script&gt;').and.not.contain('<script')
      }
    })
  })
})
