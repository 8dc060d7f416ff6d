import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import type { SignInOutcome } from '../../../src/users/sources/try-password.ts'
import { ada, attempt, createBrowser, now, pageOf, toClient, toPage } from '../browser.ts'

describe('createPasswordForm', () => {
  it('is reached by a page in the language of the request, whose form may end at the client', async () => {
    const page = pageOf(await createBrowser({ loginHint: 'ada@example.com' }).get(), 'sign-in')
    expect(page.model).to.deep.include({
      action: '/sso/interaction/u1/sign-in',
      cancelAction: '/sso/interaction/u1/cancel',
      username: 'ada@example.com',
      mistakes: [],
    })
    expect(page.languages).to.deep.equal(['fr'])
    expect(page.formTargets).to.deep.equal(['https://expenses.example.com/callback'])
  })

  it('shows the next page in the language of the request, then in the person’s own', async () => {
    const browser = createBrowser()
    browser.says.allowed = false
    await browser.post('/sign-in', { username: 'ada', password: 'right' })
    expect(pageOf(await browser.get(), 'refused'))
      .to.deep.include({ languages: ['fr'] })
      .and.property('reader')
      .include({ locale: 'de' })
  })

  it('sends a person with the right password straight to the client when nothing else is missing', async () => {
    const browser = createBrowser()
    const fields = { username: ' ada ', password: 'right', remember: 'on' }
    expect(await browser.post('/sign-in', fields)).to.deep.equal(toClient)
    const proved = { accountId: ada.id, authTime: now / 1000, amr: ['pwd'], remember: true }
    const login = { ...proved, attempt, standing: 's1', beside: undefined }
    expect(browser.results).to.deep.equal([{ kind: 'signed-in', login, consent: undefined }])
    expect(browser.audited).to.deep.equal([])
  })

  const refusals: [string, string, string][] = [
    ['unknown-user', 'an unknown user', 'signin.failure'],
    ['wrong-password', 'a wrong password', 'signin.failure'],
    ['locked', 'a locked account', 'signin.locked'],
    ['disabled', 'a disabled account', 'signin.refused'],
  ]
  it('L4 gives one and the same answer and page to an unknown user, a wrong password, a locked and a disabled account', async () => {
    const seen = []
    for (const [reason, , event] of refusals) {
      const browser = createBrowser()
      browser.says.password = () => ({ kind: 'refused', reason, userId: undefined }) as SignInOutcome
      const reply = await browser.post('/sign-in', { username: 'ada', password: 'canary-password' })
      seen.push(JSON.stringify([reply, await browser.get()]))
      expect(browser.audited).to.have.length(1)
      expect(browser.audited[0]).to.include({ event, outcome: 'failure', reason, address: '203.0.113.9' })
      expect(JSON.stringify([browser.audited, browser.progress(), seen])).not.to.contain('canary')
      expect(browser.results).to.deep.equal([])
    }
    expect(new Set(seen).size).to.equal(1)
    expect(seen[0]).to.contain('wrong-credentials')
  })

  it('says once that the password is wrong, and when accounts are locked: a reload shows the page without it', async () => {
    const browser = createBrowser()
    expect(await browser.post('/sign-in', { username: 'ada', password: 'wrong' })).to.deep.equal(toPage)
    const first = pageOf(await browser.get(), 'sign-in').model
    const values = { attempts: 10, minutes: 15 }
    expect(first.mistakes).to.deep.equal([{ key: 'wrong-credentials', control: 'username', values }])
    expect(first.username).to.equal('ada')
    expect(pageOf(await browser.get(), 'sign-in').model.mistakes).to.deep.equal([])
  })

  it('says which field is empty, and tries no account', async () => {
    const browser = createBrowser()
    browser.says.password = () => expect.fail('nothing to try')
    await browser.post('/sign-in', { username: ' ', password: '' })
    const { mistakes } = pageOf(await browser.get(), 'sign-in').model
    expect(mistakes.map(({ control }) => control)).to.deep.equal(['username', 'password'])
  })

  it('E10 answers 429 with Retry-After and the form when too many passwords are checked', async () => {
    const browser = createBrowser()
    browser.says.password = () => ({ kind: 'busy', retryAfterSeconds: 3 })
    const page = pageOf(await browser.post('/sign-in', { username: 'ada', password: 'right' }), 'sign-in')
    expect(page).to.deep.include({ status: 429, retryAfter: 3 })
    expect(page.model.mistakes.map(({ key }) => key)).to.deep.equal(['busy'])
    expect(browser.audited.map(({ event, reason }) => ({ event, reason }))).to.deep.equal([
      { event: 'signin.refused', reason: 'busy' },
    ])
  })

  const waits: [seconds: number, key: string, values: Record<string, number>][] = [
    [1, 'busy', { seconds: 2 }],
    [20, 'busy', { seconds: 20 }],
    [61, 'locked-out', { minutes: 2 }],
    [900, 'locked-out', { minutes: 15 }],
  ]
  for (const [seconds, key, values] of waits) {
    it(`says how long to wait when it is ${seconds} s`, async () => {
      const browser = createBrowser()
      browser.says.password = () => ({ kind: 'busy', retryAfterSeconds: seconds })
      const page = pageOf(await browser.post('/sign-in', { username: 'ada', password: 'right' }), 'sign-in')
      expect(page.model.mistakes).to.deep.equal([{ key, values }])
    })
  }

  it('I2 never calls a password wrong when the database is away', async () => {
    const browser = createBrowser()
    browser.says.password = () => {
      throw new CodedError('STORE_UNAVAILABLE')
    }
    const outcome = await browser
      .post('/sign-in', { username: 'ada', password: 'right' })
      .catch((error: unknown) => error)
    expect(outcome).to.be.instanceOf(CodedError)
    expect(browser.audited).to.deep.equal([])
  })
})
