import { expect } from 'chai'
import { Browser, formOf } from '@nauthera/harness/browser'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { codeAt } from '../../../src/users/factors/totp.ts'
import { forgetUsedCodes, giveApp, recoveryCodesIn, seedIn, textOf } from '../../login/second-factor-flows.ts'

describe('second factors in the account area', () => {
  let server: ServerReplicas
  before(async () => {
    server = await startReplicas()
    await server.serve([entry('app.web', configs.web)])
  })
  after(() => server?.stop())

  let count = 0
  async function person() {
    const username = `person${++count}`
    const id = await addPerson(server, username)
    const browser = new Browser(server)
    await browser.submit(await browser.follow('/account'), '/sign-in', { username, password })
    return { username, id, browser }
  }
  const app = '/account/security/app'
  /** `other` is a browser with a session that proved the password alone, and was kept. */
  async function withApp() {
    const known = await person()
    const other = new Browser(server)
    await other.submit(await other.follow('/account'), '/sign-in', { username: known.username, password })
    const page = await known.browser.follow(app)
    const seed = seedIn(page.body)
    const done = await known.browser.submit(page, app, { code: codeAt(seed, Date.now()), 'keep-sessions': 'yes' })
    await forgetUsedCodes(server)
    return { ...known, other, seed, done, codes: recoveryCodesIn(done.body) }
  }
  const eventsOf = async (userId: string, event: string) => {
    const { audit } = server.apps[0]!.store
    await audit.flush()
    return (await audit.search({ userId, event, limit: 10 })).map(({ reason }) => reason)
  }

  it('a person sets up an app, and sees ten recovery codes once', async () => {
    const { id, browser, codes } = await withApp()
    expect(codes).to.have.length(10)
    const security = await browser.follow('/account/security')
    expect(textOf(security.body)).to.contain('You have 10 of them')
    expect(security.body).to.contain('id="replace-app"').and.not.contain(codes[0])
    expect(await eventsOf(id, 'factor.enrolled')).to.deep.equal(['totp'])
  })

  it('I1 nothing is stored before the code is right, and a seed of another session is not taken', async () => {
    const { id, browser } = await person()
    const page = await browser.follow(app)
    const wrong = await browser.submit(page, app, { code: 'abc' })
    expect(textOf(wrong.body)).to.contain('The code does not fit')
    expect(seedIn(wrong.body)).to.equal(seedIn(page.body))
    const other = await person()
    const theirs = await other.browser.follow(app)
    const sealed = /name="seed" value="([^"]*)"/.exec(theirs.body)![1]!
    await browser.submit(page, app, { seed: sealed, code: codeAt(seedIn(theirs.body), Date.now()) })
    await browser.submit(page, app, { seed: 'k1~AAAA', code: '123456' })
    expect(await server.apps[0]!.store.factors.of(id)).to.deep.equal([])
  })

  it('L9 a change wants a sign-in with the second factor of whoever has one', async () => {
    const { other: browser, seed } = await withApp()
    for (const path of [app, '/account/security/remove-app', '/account/security/recovery-codes']) {
      const asked = await browser.follow(path)
      expect(asked.url, path).to.contain('/interaction/')
    }
    const asked = await browser.follow('/account/security/remove-app')
    // who has just signed in is asked for the second factor alone
    const page = await browser.submit(asked, '/second-factor', { code: codeAt(seed, Date.now()) })
    expect(new URL(page.url).pathname).to.equal('/account/security/remove-app')
    const removed = await browser.submit(page, '/remove-app')
    expect(textOf(removed.body)).to.contain('The authenticator app is removed')
    expect(removed.body).to.contain('id="set-up-app"').and.not.contain('id="new-codes"')
    const again = await new Browser(server).follow('/account')
    expect(again.body).to.contain('id="password"')
  })

  it('L9 a form that was let in before a second factor was set up changes nothing once it is', async () => {
    const { store } = server.apps[0]!
    const next = 'another horse battery staple'
    for (const [form, fields] of [
      ['recovery-codes', {}],
      ['remove-app', {}],
      ['password', { 'current-password': password, 'new-password': next, 'repeat-password': next }],
    ] as const) {
      const { id, browser: thief } = await person()
      const path = `/account/security/${form}`
      const token = formOf((await thief.follow(app)).body, app).fields['form_token']!
      const stateOf = async () => [await store.credentials.find(id), await store.accounts.load({ userId: id })]
      let enrolled: Awaited<ReturnType<typeof stateOf>> | undefined
      const [{ transaction }, { of }] = [store.database, store.factors]
      const back = () => Object.assign(store.database, { transaction }) && Object.assign(store.factors, { of })
      const first = async () => {
        back()
        await giveApp(server, id)
        enrolled = await stateOf()
      }
      Object.assign(store.database, { transaction: (work: never) => first().then(() => transaction(work)) })
      Object.assign(store.factors, { of: (userId: string) => first().then(() => of(userId)) })
      try {
        const answer = await thief.open(path, { form: { ...fields, form_token: token } })
        expect(recoveryCodesIn(answer.body), form).to.deep.equal([])
      } finally {
        back()
      }
      expect(enrolled, form).not.to.equal(undefined)
      expect(await stateOf(), form).to.deep.equal(enrolled)
      expect(await store.factors.recoveryCodesLeft(id), form).to.equal(1)
    }
  })

  it('are named by the person, and renamed after a fresh sign-in', async () => {
    const { id, browser } = await person()
    const page = await browser.follow(app)
    const seed = seedIn(page.body)
    const wrong = await browser.submit(page, app, { code: 'abc', name: ' Old \n phone ' })
    expect(wrong.body).to.contain('value="Old phone"')
    await browser.submit(wrong, app, { code: codeAt(seed, Date.now()), name: 'Old phone' })
    await forgetUsedCodes(server)
    const security = await browser.follow('/account/security')
    expect(textOf(security.body)).to.contain('Old phone')
    const link = /href="([^"]*\/rename\?id=[^"]*)"/.exec(security.body)![1]!
    // the app was proved in this very session
    const form = await browser.follow(link)
    expect(form.body).to.contain('value="Old phone"')
    const empty = await browser.submit(form, '/rename', { name: '  ' })
    expect(textOf(empty.body)).to.contain('Enter a name.')
    const done = await browser.submit(form, '/rename', { name: 'New <b> phone' })
    expect(done.body).to.contain('The name is changed.').and.contain('New &lt;b&gt; phone')
    expect(await eventsOf(id, 'factor.renamed')).to.deep.equal(['totp'])
  })

  it('of somebody else cannot be renamed', async () => {
    const [owner, other] = [await withApp(), await person()]
    const [factor] = await server.apps[0]!.store.factors.of(owner.id)
    const page = await other.browser.follow(`/account/security/rename?id=${factor!.id}`)
    expect(new URL(page.url).pathname).to.equal('/account/security')
    const own = await other.browser.follow(app)
    const token = formOf(own.body, app).fields
    await other.browser.open('/account/security/rename', { form: { ...token, id: factor!.id, name: 'mine' } })
    expect((await server.apps[0]!.store.factors.of(owner.id))[0]).to.include({ name: '' })
    const { standing } = (await server.apps[0]!.store.accounts.load({ userId: other.id }))!
    const thief = { userId: other.id, standing }
    expect(await server.apps[0]!.store.factors.rename(thief, factor!.id, 'mine', [])).to.equal(false)
  })

  it('new recovery codes take the place of the old ones', async () => {
    const { id, username, codes } = await withApp()
    const browser = new Browser(server)
    const asked = await browser.follow('/account/security/recovery-codes')
    const second = await browser.submit(asked, '/sign-in', { username, password })
    const page = await browser.submit(second, '/recovery-code', { 'recovery-code': codes[0]! })
    const renewed = await browser.submit(page, '/recovery-codes')
    const next = recoveryCodesIn(renewed.body)
    expect(next).to.have.length(10)
    expect(next.some((code) => codes.includes(code))).to.equal(false)
    expect(await server.apps[0]!.store.factors.recoveryCodesLeft(id)).to.equal(10)
    expect(await eventsOf(id, 'factor.enrolled')).to.have.members(['totp', 'recovery-codes'])
  })
})
