import { expect } from 'chai'
import { Browser, authorizationUrl, formOf, pkce } from '@nauthera/harness/browser'
import { fetchCode, fetchTokens, introspect, refresh, request } from '@nauthera/harness/flows'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { statement } from '@nauthera/server/store/driver/database'
import { addPerson, configs, entry, password, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { textOf } from '../login/second-factor-flows.ts'

const api = 'https://api.example.com'

describe('the account area', function () {
  let server: ServerReplicas
  before(async () => {
    server = await startReplicas({ count: 2 })
    const asking = {
      ...configs.web,
      clientName: 'Expense Reports',
      consent: ConsentMode.REMEMBER,
      audiences: [api],
      scopes: [...configs.web.scopes, 'read'],
    }
    await server.serve([
      entry('app.web', { ...configs.web, clientName: 'Build console' }),
      entry('app.asking', asking, { granted: { [api]: ['read'] } }),
      entry('app.api', configs.api),
      entry('app.staff', {
        ...configs.web,
        clientName: 'Payroll',
        description: 'What everybody earns',
        clientUri: 'https://payroll.example.com/',
        allowedGroups: ['staff'],
      }),
    ])
  })
  after(() => server?.stop())

  let count = 0
  /** A new person, who is signed in. */
  async function person(groups: readonly string[] = []) {
    const username = `person${++count}`
    const id = await addPerson(server, username, groups)
    const browser = new Browser(server)
    const asked = await browser.follow('/account')
    await browser.submit(asked, '/sign-in', { username, password })
    return { username, id, browser }
  }
  const eventsOf = async (userId: string, event: string) => {
    const { audit } = server.apps[0]!.store
    await audit.flush()
    return audit.search({ userId, event, limit: 10 })
  }

  describe('the first page', () => {
    it('shows the applications that the person may open, and no other', async () => {
      const [member, stranger] = [await person(['staff']), await person()]
      const { body } = await member.browser.follow('/account')
      expect(body).to.contain('Payroll').and.contain('What everybody earns')
      expect(body).to.contain('href="https://payroll.example.com/"').and.not.contain('Build console')
      const other = await stranger.browser.follow('/account')
      expect(other.body).to.contain('There is no application that you can open from here').and.not.contain('Payroll')
      const searched = await member.browser.follow('/account?q=nothing')
      expect(searched.body).to.contain('No application was found').and.contain('value="nothing"')
    })

    it('L15 shows what was searched as text', async () => {
      const { browser } = await person()
      const { body } = await browser.follow(`/account?q=${encodeURIComponent('"><script>alert(1)</script>')}`)
      expect(body).not.to.contain('<script')
    })
  })

  describe('the profile', () => {
    const save = async (browser: Browser, fields: Record<string, string>) =>
      browser.submit(await browser.follow('/account/profile'), '/account/profile', fields)

    it('shows what is known, and changes what a person may say of themselves', async () => {
      const { username, id, browser } = await person(['staff'])
      const before = await browser.follow('/account/profile')
      expect(textOf(before.body)).to.contain(`${username}@example.com`).and.contain('verified').and.contain('staff')
      const page = await save(browser, { name: 'Ada <b>', nickname: 'ada', zoneinfo: 'Europe/Berlin' })
      expect(page.body).to.contain('Your profile is saved.').and.contain('Ada &lt;b&gt;').and.contain('Europe/Berlin')
      const loaded = await server.apps[1]!.store.accounts.load({ userId: id })
      expect(loaded?.user).to.deep.include({ name: 'Ada <b>', profile: { nickname: 'ada', zoneinfo: 'Europe/Berlin' } })
      const events = await eventsOf(id, 'account.changed')
      expect(events.map(({ detail }) => detail)).to.deep.equal([{ changed: 'name nickname zoneinfo' }])
    })

    it('takes neither groups, user name nor e-mail address, and says what is wrong with the rest', async () => {
      const { username, id, browser } = await person()
      const forged = {
        name: 'Ada',
        groups: 'admins',
        username: 'root',
        email: 'other@example.com',
        email_verified: 'true',
      }
      await save(browser, { ...forged, nickname: '', zoneinfo: '' })
      const { user } = (await server.apps[0]!.store.accounts.load({ userId: id }))!
      expect(user).to.deep.include({ username, email: `${username}@example.com`, groups: [], name: 'Ada' })
      const wrong = await save(browser, { name: '', nickname: '', zoneinfo: 'Mars/Base' })
      expect(wrong.body)
        .to.contain('Enter your name.')
        .and.contain('This time zone is not known')
        .and.contain('value="Mars/Base"')
      expect(await eventsOf(id, 'account.changed')).to.have.length(1)
    })
  })

  describe('the preferences', () => {
    const path = '/account/preferences'
    const prefer = async (browser: Browser, fields: Record<string, string>) =>
      browser.submit(await browser.follow(path), path, fields)
    const consent = (browser: Browser, parameters: Record<string, string> = {}) =>
      browser.follow(authorizationUrl(server.issuer, request(pkce(), { client_id: 'app.asking', ...parameters })))

    it('hold on every page where the person is known, on every replica, and the request comes before them', async () => {
      const { username, id, browser } = await person()
      const page = await prefer(browser, { language: 'de', colours: 'dark' })
      const chosen = '<html lang="de" data-colours="dark">'
      expect(page.body).to.contain(chosen).and.contain('Ihre Einstellungen sind gespeichert.')
      expect((await browser.open('/account', { replica: 1 })).body).to.contain(chosen)
      expect((await consent(browser)).body)
        .to.contain(chosen)
        .and.contain('Erlauben')
      expect((await consent(browser, { ui_locales: 'en' })).body).to.contain('<html lang="en" data-colours="dark">')
      expect((await browser.follow('/logout')).body).to.contain(chosen)
      // whoever signs in is known after the password
      const other = new Browser(server)
      const asked = await consent(other)
      expect(asked.body).to.contain('<html lang="en">')
      expect((await other.submit(asked, '/sign-in', { username, password })).body).to.contain(chosen)
      const events = await eventsOf(id, 'account.changed')
      expect(events.map(({ detail }) => detail)).to.deep.equal([
        { changed: 'preferences.language preferences.colourScheme' },
      ])
    })

    it('can be left to the browser again', async () => {
      const { id, browser } = await person()
      await prefer(browser, { language: 'de', colours: 'light' })
      const page = await prefer(browser, { language: 'browser', colours: 'system' })
      expect(page.body).to.contain('<html lang="en">').and.contain('Your preferences are saved.')
      const again = await prefer(browser, { language: 'browser', colours: 'system' })
      expect(again.body).not.to.contain('Your preferences are saved.')
      expect(await eventsOf(id, 'account.changed')).to.have.length(2)
    })

    it('are refused when there is no such choice', async () => {
      const { id, browser } = await person()
      for (const fields of [
        { language: 'tlh', colours: 'system' },
        { language: 'browser', colours: 'sepia' },
      ])
        expect((await prefer(browser, fields)).body).to.contain('This choice does not exist.')
      expect(await eventsOf(id, 'account.changed')).to.deep.equal([])
    })
  })

  describe('the password', () => {
    const next = 'another battery of horses'
    const change = async (browser: Browser, fields: Record<string, string> = {}) => {
      const page = await browser.follow('/account/security/password')
      const asked = { 'current-password': password, 'new-password': next, 'repeat-password': next, ...fields }
      return browser.submit(page, '/account/security/password', asked)
    }

    it('is changed by whoever knows the current one: other sessions and their tokens end, this one goes on', async () => {
      const { username, id, browser } = await person()
      const other = new Browser(server)
      const tokens = await fetchTokens(server, { username, browser: other })
      const page = await change(browser)
      expect([page.status, new URL(page.url).pathname]).to.deep.equal([200, '/account/security'])
      expect(page.body).to.contain('Your password is changed')
      expect((await browser.open('/account/security', { replica: 1 })).body).not.to.contain('Your password is changed')
      expect((await other.follow('/account')).url).to.contain('/interaction/')
      expect((await refresh(server, tokens.refresh, { replica: 1 })).status).to.equal(400)
      expect((await eventsOf(id, 'password.changed')).map(({ outcome, reason }) => [outcome, reason])).to.deep.equal([
        ['success', 'by-the-person'],
      ])
      const again = await new Browser(server).follow('/account')
      expect(again.body).to.contain('id="password"')
    })

    it('L2 a copy of the cookie from before the change is refused, on every replica', async () => {
      const { browser } = await person()
      const [thief, early] = [browser.copy(), browser.copy()]
      await change(browser)
      for (const replica of [0, 1]) {
        const asked = await thief.open('/account', { replica })
        expect(asked.status).to.equal(303)
        expect(asked.headers.location).to.contain('/authorize?')
        expect((await browser.open('/account', { replica })).status).to.equal(200)
      }
      const silent = (from: Browser) =>
        from.follow(authorizationUrl(server.issuer, request(pkce(), { prompt: 'none' })))
      expect((await silent(early)).location).to.contain('error=login_required')
      expect((await silent(browser)).location).to.contain('code=')
      // once more, so that the new cookie is an old one
      const second = browser.copy()
      const fields = { 'current-password': next, 'new-password': password, 'repeat-password': password }
      expect((await change(browser, fields)).body).to.contain('Your password is changed')
      expect((await second.open('/account')).status).to.equal(303)
      expect((await browser.open('/account')).status).to.equal(200)
    })

    it('is not changed with a wrong current one, which counts as at the sign-in page', async () => {
      const { id, browser } = await person()
      for (let attempt = 1; attempt <= 10; attempt++) {
        const page = await change(browser, { 'current-password': 'not the password' })
        expect(page.body).to.contain('The current password is wrong')
      }
      expect(await eventsOf(id, 'password.change_refused')).to.have.length(10)
      const locked = await change(browser)
      expect(locked.body).to.contain('The current password is wrong')
      expect((await eventsOf(id, 'password.changed')).length).to.equal(0)
    })

    it('keeps the rules for passwords, and says each one that is broken', async () => {
      const { browser } = await person()
      const short = await change(browser, { 'new-password': 'short', 'repeat-password': 'short' })
      expect(short.body)
        .to.contain('The new password is too short')
        .and.contain('aria-describedby="new-password-hint mistake-new-password"')
      expect((await change(browser, { 'repeat-password': 'x' })).body).to.contain('The two passwords are not the same')
      expect((await change(browser, { 'new-password': password, 'repeat-password': password })).body).to.contain(
        'is the same as the old one',
      )
      expect((await change(browser, { 'current-password': '' })).body).to.contain('Enter your current password')
      expect((await change(browser, { 'new-password': '' })).body).to.contain('Enter a new password')
    })

    it('L1 is not changed by a form of another session, or without a token', async () => {
      const { id, browser } = await person()
      const other = await person()
      const page = await browser.follow('/account/security/password')
      const { action, fields } = formOf(page.body, '/account/security/password')
      const asked = { 'current-password': password, 'new-password': next, 'repeat-password': next }
      for (const [thief, form] of [
        [other.browser, { ...fields, ...asked }],
        [browser, asked],
      ] as const) {
        const answer = await thief.open(action, { form })
        expect(answer.status).to.equal(403)
        expect(answer.body).to.contain('FORM_REFUSED')
      }
      expect(await eventsOf(id, 'password.changed')).to.deep.equal([])
    })

    it('leads to the sign-in page when the session has ended meanwhile', async () => {
      const { id, browser } = await person()
      const page = await browser.follow('/account/security/password')
      await server.apps[1]!.store.users.revokeSessions(id, [])
      const asked = { 'current-password': password, 'new-password': next, 'repeat-password': next }
      const sent = await browser.submit(page, '/account/security/password', asked)
      expect(sent.url).to.contain('/interaction/')
      expect(await eventsOf(id, 'password.changed')).to.deep.equal([])
    })
  })

  /** The address of the first link or form of a page that begins so. */
  const linkIn = (body: string, path: string) => new RegExp(`href="(${path}/[^"]+)"`).exec(body)?.[1] ?? ''

  describe('the sessions', () => {
    it('show times in the zone of the profile, else in that of the browser, else in UTC', async () => {
      const { browser } = await person()
      const zoneOf = async () =>
        /Signed in [^<]*\s([A-Z]{3}|GMT[+:\d]*)</.exec((await browser.follow('/account/sessions')).body)?.[1]
      expect(await zoneOf()).to.equal('UTC')
      const tell = (value: string) => browser.jar.set('zone', { name: 'nauthera_zone', value, path: '/' })
      tell('Asia/Tokyo')
      expect(await zoneOf()).to.equal('GMT+9')
      tell('Mars/"><b>')
      expect(await zoneOf()).to.equal('UTC')
      tell('Asia/Tokyo')
      await browser.submit(await browser.follow('/account/profile'), '/account/profile', {
        name: 'Ada',
        nickname: '',
        zoneinfo: 'Asia/Kolkata',
      })
      expect(await zoneOf()).to.equal('GMT+5:30')
    })

    it('are shown in plain words, with the applications that each was used for', async () => {
      const { username, browser } = await person()
      await fetchCode(server, { username, browser: new Browser(server) })
      const { body } = await browser.follow('/account/sessions')
      expect(body).to.contain('This browser').and.contain('Used for Build console').and.contain('Unknown browser')
      expect(body).not.to.contain('@account')
    })

    it('T5 end one by one, with what was granted in them, on every replica', async () => {
      const { username, id, browser } = await person()
      const other = new Browser(server)
      const parameters = { scope: 'openid offline_access', prompt: 'consent' }
      const tokens = await fetchTokens(server, { username, browser: other, parameters })
      const list = await browser.follow('/account/sessions')
      const path = linkIn(list.body, '/account/sessions')
      const asked = await browser.follow(path)
      expect(asked.body).to.contain('Build console</bdi>: at once')
      const done = await browser.submit(asked, path)
      expect(new URL(done.url).pathname).to.equal('/account/sessions')
      expect(done.body).to.contain('That session has ended.')
      expect((await refresh(server, tokens.refresh, { replica: 1 })).status).to.equal(400)
      expect((await introspect(server, tokens.access, { replica: 1 })).json()).to.deep.equal({ active: false })
      expect((await other.follow('/account')).url).to.contain('/interaction/')
      expect((await browser.open('/account', { replica: 1 })).status).to.equal(200)
      expect(await eventsOf(id, 'session.ended')).to.have.length(1)
    })

    it('of another person cannot be ended or seen', async () => {
      const [one, two] = [await person(), await person()]
      await fetchCode(server, { username: one.username, browser: new Browser(server) })
      const list = await one.browser.follow('/account/sessions')
      const path = linkIn(list.body, '/account/sessions')
      const seen = await two.browser.follow(path)
      expect(new URL(seen.url).pathname).to.equal('/account/sessions')
      const own = await two.browser.follow('/account/sign-out-everywhere')
      const { fields } = formOf(own.body, '/account/sign-out-everywhere')
      expect((await two.browser.open(path, { form: fields })).headers.location).to.equal('/account/sessions')
      const devices = await server.apps[0]!.store.devices.listOfUser(one.id)
      expect(devices.filter(({ client }) => client === undefined)).to.have.length(2)
    })

    it('T5 end all together: no session, no refresh token and no opaque token is left', async () => {
      const { username, id, browser } = await person()
      const other = new Browser(server)
      const parameters = { scope: 'openid offline_access', prompt: 'consent' }
      const tokens = await fetchTokens(server, { username, browser: other, parameters })
      const asked = await browser.follow('/account/sign-out-everywhere')
      const done = await browser.submit(asked, '/account/sign-out-everywhere')
      expect(done.body).to.contain('You are signed out everywhere').and.contain('Build console')
      for (const one of [browser, other]) expect((await one.follow('/account')).url).to.contain('/interaction/')
      expect((await refresh(server, tokens.refresh, { replica: 1 })).status).to.equal(400)
      expect((await introspect(server, tokens.access, { replica: 1 })).json()).to.deep.equal({ active: false })
      expect((await eventsOf(id, 'session.revoked_all')).map(({ reason }) => reason)).to.deep.equal(['by-the-person'])
    })

    it('L1 do not end by a form without its token', async () => {
      const { id, browser } = await person()
      expect((await browser.open('/account/sign-out-everywhere', { form: { end: 'yes' } })).status).to.equal(403)
      expect(await eventsOf(id, 'session.revoked_all')).to.deep.equal([])
    })
  })

  describe('the applications', () => {
    const asking = (proof: { challenge: string }, more: Record<string, string> = {}) =>
      authorizationUrl(server.issuer, {
        client_id: 'app.asking',
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid email read',
        resource: api,
        code_challenge: proof.challenge,
        code_challenge_method: 'S256',
        ...more,
      })

    it('are shown with what they may do; after it is taken back they have to ask again, and their tokens are dead', async () => {
      const { username, id, browser } = await person()
      const back = await browser.authorize(asking(pkce()), username, { remember: true })
      expect(back.searchParams.get('code')).to.be.a('string')
      const quiet = await browser.authorize(asking(pkce(), { prompt: 'none' }), username)
      expect(quiet.searchParams.get('code')).to.be.a('string')

      const list = await browser.follow('/account/applications')
      expect(list.body)
        .to.contain('Expense Reports')
        .and.contain('See your e-mail address')
        .and.contain('<code>read</code>')
      const path = linkIn(list.body, '/account/applications')
      const asked = await browser.follow(path)
      expect(asked.body).to.contain('within <bdi class="value">5</bdi> minutes')
      const done = await browser.submit(asked, path)
      expect(done.body).to.contain('The access is removed.').and.contain('No application may do anything')
      const events = await eventsOf(id, 'consent.revoked')
      expect(events.map(({ clientId, outcome }) => [clientId, outcome])).to.deep.equal([['app.asking', 'success']])

      const again = await browser.authorize(asking(pkce(), { prompt: 'none' }), username)
      expect(again.searchParams.get('error')).to.equal('consent_required')
      expect(await server.apps[1]!.store.authorizations.clientsOfUser(id)).to.deep.equal([])
    })

    it('have no page for a person who gave them nothing: it leads to the list', async () => {
      const [owner, stranger] = [await person(), await person()]
      await owner.browser.authorize(asking(pkce()), owner.username, { remember: true })
      const path = linkIn((await owner.browser.follow('/account/applications')).body, '/account/applications')
      expect((await owner.browser.open(path)).status).to.equal(200)
      for (const { browser, at } of [
        { browser: stranger.browser, at: path },
        { browser: owner.browser, at: '/account/applications/none' },
      ]) {
        const answer = await browser.open(at)
        expect(answer.status, at).to.equal(303)
        expect(new URL(answer.headers.location!, server.issuer).href).to.equal(`${server.issuer}/account/applications`)
      }
    })

    it('E18 are shown page by page', async () => {
      const { id, browser } = await person()
      const sql = `INSERT INTO consents (user_id, client_uid, client_id, scopes, granted_at)
        SELECT $1, 'uid-' || n, 'many.app-' || n || '.', '{email}', now() - n * interval '1 day' FROM generate_series(1, 25) n`
      await server.apps[0]!.store.database.query(statement('test-many-consents', sql), [id])
      const seen: string[][] = []
      for (let path: string | undefined = '/account/applications'; path !== undefined;) {
        const { body } = await browser.follow(path)
        seen.push([...body.matchAll(/>many\.<wbr>app-(\d+)\.<\/bdi>/g)].map(([, name]) => name!))
        path = /id="next" href="([^"]+)"/.exec(body)?.[1]
      }
      const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `${from + at}`)
      expect(seen).to.deep.equal([numbers(1, 10), numbers(11, 20), numbers(21, 25)])
    })

    it('that ask for nothing are shown while they have something, and lose it too', async () => {
      const { username, browser } = await person()
      const tokens = await fetchTokens(server, { username, browser })
      const list = await browser.follow('/account/applications')
      expect(list.body).to.contain('Build console')
      const path = linkIn(list.body, '/account/applications')
      await browser.submit(await browser.follow(path), path)
      expect((await refresh(server, tokens.refresh, { replica: 1 })).status).to.equal(400)
      expect((await browser.follow('/account/applications')).body).not.to.contain('Build console')
    })
  })
})
