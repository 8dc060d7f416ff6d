import { expect } from 'chai'
import { Browser, formOf } from '@nauthera/harness/browser'
import { getTokens, refresh } from '@nauthera/harness/flows'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { Replicas } from '@nauthera/harness/server'

describe('the account area', function () {
  this.timeout(60_000)
  let server: Replicas
  before(async () => {
    server = await startReplicas({ count: 2 })
    await server.serve([entry('app.web', configs.web)])
  })
  after(() => server?.stop())

  let count = 0
  /** A new person, who is signed in. */
  async function person() {
    const username = `person${++count}`
    const id = await addPerson(server, username)
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
      const tokens = await getTokens(server, { username, browser: other })
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
})
