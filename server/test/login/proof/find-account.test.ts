import { expect } from 'chai'
import { createBrowser, pageOf, session, toClient, toPage } from '../browser.ts'

describe('findAccount', () => {
  it('goes on with the session when only consent was missing, and by now is there', async () => {
    const browser = createBrowser({ prompt: 'consent', session })
    expect(await browser.get()).to.deep.equal(toClient)
    expect(browser.results).to.deep.equal([{ kind: 'signed-in', login: undefined, consent: undefined }])
  })

  it('asks for the password again when the client wants a fresh sign-in, with the user name filled in', async () => {
    const { model } = pageOf(await createBrowser({ prompt: 'login', session }).get(), 'sign-in')
    expect(model).to.deep.include({ username: 'ada', reason: 'again' })
  })

  it('offers the account of the session when the client wants the person to choose', async () => {
    const browser = createBrowser({ prompt: 'select_account', session })
    expect(pageOf(await browser.get(), 'choose-account').model.person).to.deep.equal(session.person)
    expect(await browser.post('/account', { choice: 'continue' })).to.deep.equal(toClient)
    expect(browser.results).to.deep.equal([{ kind: 'signed-in', login: undefined, consent: undefined }])
  })

  it('asks for user name and password when the person chooses another account', async () => {
    const browser = createBrowser({ prompt: 'select_account', session })
    expect(await browser.post('/account', { choice: 'other' })).to.deep.equal(toPage)
    expect(pageOf(await browser.get(), 'sign-in').model).to.deep.include({ username: '', reason: undefined })
  })

  describe('in a browser that remembers others', () => {
    const grace = { username: 'grace', name: 'Grace Hopper' }
    const withGrace = (begin: Parameters<typeof createBrowser>[0]) => {
      const browser = createBrowser(begin)
      browser.says.remembered = [{ username: 'ada' }, grace]
      return browser
    }

    it('offers them beside the account of the session, and whoever is chosen has to sign in', async () => {
      const browser = withGrace({ prompt: 'select_account', session })
      expect(pageOf(await browser.get(), 'choose-account').model).to.deep.include({
        person: session.person,
        others: [grace],
      })
      expect(await browser.post('/account', { account: 'grace' })).to.deep.equal(toPage)
      const { model } = pageOf(await browser.get(), 'sign-in')
      expect(model).to.deep.include({ username: 'grace', reason: undefined })
      expect(browser.results).to.deep.equal([])
    })

    it('offers them when nobody is signed in and the client wants the person to choose, and not otherwise', async () => {
      const chooser = pageOf(await withGrace({ prompt: 'select_account' }).get(), 'choose-account')
      expect(chooser.model).to.deep.include({ person: undefined, others: [{ username: 'ada' }, grace] })
      pageOf(await withGrace({}).get(), 'sign-in')
      pageOf(await withGrace({ prompt: 'login', session }).get(), 'sign-in')
    })

    it('offers them to whoever says that it is not them, who can also type a name', async () => {
      const browser = withGrace({ prompt: 'consent', session })
      expect(await browser.post('/switch')).to.deep.equal(toPage)
      expect(pageOf(await browser.get(), 'choose-account').model).to.deep.include({
        person: undefined,
        others: [grace],
      })
      await browser.post('/account', { choice: 'other' })
      expect(pageOf(await browser.get(), 'sign-in').model).to.deep.include({ username: '', reason: undefined })
    })

    it('forgets one that the person does not want to see again, and stays at the page', async () => {
      const browser = withGrace({ prompt: 'select_account', session })
      expect(await browser.post('/account', { forget: 'grace' })).to.deep.equal(toPage)
      expect(pageOf(await browser.get(), 'choose-account').model.others).to.deep.equal([])
    })

    it('does not stand in the way of somebody who links an account', async () => {
      const linking = { upstream: 'corp', issuer: 'i', subject: 's', label: 'l', reason: 'email' } as const
      pageOf(await withGrace({ progress: { switching: true, linking } }).get(), 'sign-in')
    })
  })
})
