import { expect } from 'chai'
import { createBrowser, pageOf, session, toClient, toPage } from './browser.ts'

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
})
