import { expect } from 'chai'
import { createBrowser, pageOf, toClient, toPage } from '../browser.ts'

describe('createAccess', () => {
  it('tells a person who may not use the client, once in the audit, and offers another account', async () => {
    const browser = createBrowser()
    browser.says.allowed = false
    expect(await browser.post('/sign-in', { username: 'ada', password: 'right' })).to.deep.equal(toPage)
    expect(pageOf(await browser.get(), 'refused').status).to.equal(403)
    expect(browser.audited.map(({ event, reason }) => ({ event, reason }))).to.deep.equal([
      { event: 'authorization.refused', reason: 'account-not-allowed' },
    ])
    expect(await browser.post('/cancel')).to.deep.equal(toClient)
    expect(browser.results[0]).to.include({ kind: 'refused', error: 'access_denied' })
  })
})
