import { expect } from 'chai'
import type { MissingConsent } from '../../../src/oidc/interaction/interaction.ts'
import { ada, createBrowser, pageOf, session, toClient, toPage } from '../browser.ts'

describe('createConsent', () => {
  const missing: MissingConsent = {
    scopes: [{ scope: 'openid' }, { scope: 'reports.read', api: 'Reports' }],
    canRemember: true,
  }

  it('asks after the password, in the same interaction, and hands the answer on with the sign-in', async () => {
    const browser = createBrowser()
    browser.says.consent = missing
    expect(await browser.post('/sign-in', { username: 'ada', password: 'right' })).to.deep.equal(toPage)
    const { model } = pageOf(await browser.get(), 'consent')
    expect(model).to.deep.include({ scopes: missing.scopes, canRemember: true, destination: 'expenses.example.com' })
    expect(model.person).to.deep.equal({ username: 'ada', name: 'Ada Lovelace', locale: 'de' })
    expect(browser.results).to.deep.equal([])
    const form = { decision: 'allow', remember: 'on', seen: model.seen }
    expect(await browser.post('/consent', form)).to.deep.equal(toClient)
    expect(browser.results).to.have.length(1)
    expect(browser.results[0]).to.deep.include({ consent: { scopes: missing.scopes, remember: true } })
  })

  it('L10 grants what was asked, whatever the form says, and remembers nothing where the client may not', async () => {
    const browser = createBrowser({ prompt: 'consent', session })
    browser.says.consent = { scopes: [{ scope: 'openid' }], canRemember: false }
    const { seen } = pageOf(await browser.get(), 'consent').model
    await browser.post('/consent', { decision: 'allow', remember: 'on', seen, scopes: 'admin', scope: 'admin' })
    expect(browser.results[0]).to.deep.include({ consent: { scopes: [{ scope: 'openid' }], remember: false } })
  })

  it('L10 shows the page again when there is more to agree to than it showed, or nothing says what it showed', async () => {
    const browser = createBrowser({ prompt: 'consent', session })
    browser.says.consent = { scopes: [{ scope: 'openid' }], canRemember: true }
    const { seen } = pageOf(await browser.get(), 'consent').model
    browser.says.consent = missing
    for (const form of [{ seen }, {}, { seen: '' }])
      expect(await browser.post('/consent', { decision: 'allow', ...form })).to.deep.equal(toPage)
    expect(browser.results).to.deep.equal([])
  })

  it('sends a person who does not allow it back to the client with access_denied, with one audit event', async () => {
    const browser = createBrowser({ prompt: 'consent', session })
    browser.says.consent = missing
    expect(await browser.post('/consent', { decision: 'deny' })).to.deep.equal(toClient)
    expect(browser.results[0]).to.include({ kind: 'refused', error: 'access_denied' })
    expect(browser.audited.map(({ event, userId }) => ({ event, userId }))).to.deep.equal([
      { event: 'consent.denied', userId: ada.id },
    ])
  })

  it('L9 takes no consent before the password: the form alone leads to the sign-in page', async () => {
    const browser = createBrowser()
    browser.says.consent = missing
    expect(await browser.post('/consent', { decision: 'allow' })).to.deep.equal(toPage)
    expect(browser.results).to.deep.equal([])
    pageOf(await browser.get(), 'sign-in')
  })

  it('forgets who signed in when the person answers "Not you?"', async () => {
    const browser = createBrowser()
    browser.says.consent = missing
    await browser.post('/sign-in', { username: 'ada', password: 'right' })
    expect(await browser.post('/switch')).to.deep.equal(toPage)
    pageOf(await browser.get(), 'sign-in')
    expect(browser.progress()).to.deep.equal({ switching: true })
  })
})
