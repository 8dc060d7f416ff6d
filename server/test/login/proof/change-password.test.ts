import { expect } from 'chai'
import type { SignInOutcome } from '../../../src/users/sources/try-password.ts'
import { ada, client, createBrowser, now, pageOf, session, toClient, toPage } from '../browser.ts'

describe('createChangePassword', () => {
  const begin = async () => {
    const browser = createBrowser()
    browser.says.password = () =>
      ({ ...browser.passed(), user: { ...ada, passwordChangeRequired: true } }) as SignInOutcome
    expect(await browser.post('/sign-in', { username: 'ada', password: 'right' })).to.deep.equal(toPage)
    return browser
  }

  it('asks for the new password before everything else, and goes on with the sign-in after it', async () => {
    const browser = await begin()
    expect(pageOf(await browser.get(), 'change-password').model).to.include({ minLength: 12, maxLength: 128 })
    expect(browser.results).to.deep.equal([])
    const fields = { 'new-password': 'four words in a row', 'repeat-password': 'four words in a row' }
    expect(await browser.post('/password', fields)).to.deep.equal(toClient)
    expect(browser.results).to.have.length(1)
    expect(browser.results[0])
      .to.have.property('login')
      .that.includes({ authTime: now / 1000 + 2, standing: 's2' })
  })

  it('takes no password once the sessions of the account were ended: the page says so, and the sign-in starts over', async () => {
    const browser = await begin()
    browser.says.change = { kind: 'ended' }
    const fields = { 'new-password': 'four words in a row', 'repeat-password': 'four words in a row' }
    const page = pageOf(await browser.post('/password', fields), 'error')
    expect(page.status).to.equal(400)
    expect(page.model).to.deep.include({ code: 'SIGN_IN_ENDED', client })
    expect(browser.audited.map(({ event, reason, userId }) => [event, reason, userId])).to.deep.equal([
      ['signin.refused', 'ended-meanwhile', ada.id],
    ])
    pageOf(await browser.get(), 'sign-in')
    expect(browser.results).to.deep.equal([])
  })

  it('cannot be skipped by the consent form', async () => {
    const browser = await begin()
    expect(await browser.post('/consent', { decision: 'allow' })).to.deep.equal(toPage)
    expect(browser.results).to.deep.equal([])
  })

  const mistakes: [string, Record<string, string>, string, string][] = [
    ['is missing', {}, 'new-password-missing', 'new-password'],
    [
      'is not repeated exactly',
      { 'new-password': 'one', 'repeat-password': 'two' },
      'passwords-differ',
      'repeat-password',
    ],
    ['breaks a rule', { 'new-password': 'short', 'repeat-password': 'short' }, 'password-too-short', 'new-password'],
  ]
  for (const [what, fields, key, control] of mistakes) {
    it(`asks again when the new password ${what}`, async () => {
      const browser = await begin()
      browser.says.change = { kind: 'refused', faults: [{ code: 'too-short', path: 'password', message: '' }] }
      expect(await browser.post('/password', fields)).to.deep.equal(toPage)
      expect(pageOf(await browser.get(), 'change-password').model.mistakes).to.deep.equal([
        key === 'password-too-short' ? { key, control, values: { min: 12, max: 128 } } : { key, control },
      ])
      expect(browser.results).to.deep.equal([])
    })
  }

  it('takes no password from somebody who has not signed in', async () => {
    const browser = createBrowser({ session })
    browser.says.change = { kind: 'refused', faults: [] }
    expect(await browser.post('/password', { 'new-password': 'x', 'repeat-password': 'x' })).to.deep.equal(toPage)
    pageOf(await browser.get(), 'sign-in')
  })
})
