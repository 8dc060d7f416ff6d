import { expect } from 'chai'
import { client, createBrowser, pageOf, toClient } from '../browser.ts'

describe('createFinish', () => {
  it('I5 finishes a sign-in once: the second request gets a page that says so', async () => {
    const browser = createBrowser()
    browser.says.finish = 'spent'
    const page = pageOf(await browser.post('/sign-in', { username: 'ada', password: 'right' }), 'error')
    expect(page.model).to.deep.include({ code: 'INTERACTION_SPENT', client })
  })

  it('tells the client that the person cancelled, with one audit event', async () => {
    const browser = createBrowser()
    expect(await browser.post('/cancel')).to.deep.equal(toClient)
    expect(browser.results).to.deep.equal([
      { kind: 'refused', error: 'access_denied', description: 'the person cancelled' },
    ])
    expect(browser.audited.map(({ event, reason }) => ({ event, reason }))).to.deep.equal([
      { event: 'authorization.refused', reason: 'cancelled' },
    ])
  })
})
