import { expect } from 'chai'
import { client, createBrowser, pageOf, toPage } from './browser.ts'

describe('createLoginRoutes', () => {
  it('sends a reload of a form’s address back to the page', async () => {
    const browser = createBrowser()
    expect(await browser.get('/:form')).to.deep.equal(toPage)
    expect(browser.results).to.deep.equal([])
  })

  describe('an interaction that is not live', () => {
    it('offers to start again at the client when its time is over', async () => {
      const browser = createBrowser()
      browser.lose('over')
      const page = pageOf(await browser.get(), 'error')
      expect(page.status).to.equal(400)
      expect(page.model).to.deep.include({ code: 'INTERACTION_EXPIRED', client })
    })

    it('L1 answers 403 to another browser, reveals no client and writes one audit event for a form', async () => {
      const browser = createBrowser()
      browser.lose('absent')
      for (const reply of [
        await browser.get(),
        await browser.post('/sign-in', { username: 'ada', password: 'right' }),
      ]) {
        const page = pageOf(reply, 'error')
        expect(page.status).to.equal(403)
        expect(page.model.client).to.equal(undefined)
      }
      expect(browser.audited.map(({ event, reason }) => ({ event, reason }))).to.deep.equal([
        { event: 'signin.refused', reason: 'interaction-absent' },
      ])
    })
  })
})
