import { expect } from 'chai'
import { createLinkAccount } from '../../../src/login/proof/link-account.ts'
import type { Federation } from '../../../src/login/upstream/federation.ts'
import type { Upstream } from '../../../src/login/upstream/upstream.ts'
import type { SignInOutcome } from '../../../src/users/sources/try-password.ts'
import { ada, createBrowser, pageOf, toClient, toPage } from '../browser.ts'

const linking = {
  upstream: 'corp',
  issuer: 'https://corp.example.com',
  subject: 's-1',
  label: 'ada',
  reason: 'email',
} as const
const corp = { id: 'corp', name: 'Corp', domains: [], maxAgeMs: 1000 } as unknown as Upstream

/** Somebody who comes from Corp, and has to prove an account here. */
function createGuest(answer = true) {
  const asked: Parameters<Federation['links']['link']>[] = []
  const never = () => Promise.reject(new Error('not asked'))
  const link: Federation['links']['link'] = async (...all) => {
    asked.push(all)
    return answer
  }
  const links = { signIn: never, create: never, of: never, unlink: never, lastOf: never, link }
  const browser = createBrowser({ progress: { switching: true, linking }, federation: { upstreams: [corp], links } })
  return { ...browser, asked }
}

describe(createLinkAccount.name, () => {
  it('asks after the sign-in, and links what the person confirms', async () => {
    const browser = createGuest()
    expect(pageOf(await browser.get(), 'sign-in').model.linking).to.include({ label: 'ada', name: 'Corp' })
    expect(await browser.post('/sign-in', { username: 'ada', password: 'right' })).to.deep.equal(toPage)
    expect(pageOf(await browser.get(), 'link-account').model).to.include({ upstream: 'Corp', label: 'ada' })
    expect(await browser.post('/link', { decision: 'link' })).to.deep.equal(toClient)
    expect(browser.asked[0]!.slice(0, 2)).to.deep.include({
      userId: '7f1f0d8e-0000-4000-8000-000000000001',
      proved: 's1',
      strongBy: undefined,
    })
  })

  it('L12 tells the person by mail, with the link', async () => {
    const browser = createGuest()
    browser.says.person = { user: ada } as typeof browser.says.person
    await browser.post('/sign-in', { username: 'ada', password: 'right' })
    await browser.post('/link', { decision: 'link' })
    const { mail } = browser.asked[0]![2]
    expect(mail).to.include({ to: 'ada@example.com', template: 'factor-changed' })
    expect(mail?.data).to.deep.include({
      change: 'upstream-linked',
      asked: { address: '203.0.113.9', device: { browser: undefined, system: undefined } },
    })
  })

  it('goes on without a link when the person does not want it', async () => {
    const browser = createGuest()
    await browser.post('/sign-in', { username: 'ada', password: 'right' })
    expect(await browser.post('/link', { decision: 'skip' })).to.deep.equal(toClient)
    expect(browser.asked).to.deep.equal([])
  })

  it('L9 links nothing before the second factor, also when its form is sent without the page', async () => {
    const browser = createGuest()
    browser.says.factors = { kinds: ['totp'], needed: true }
    await browser.post('/sign-in', { username: 'ada', password: 'right' })
    await browser.post('/link', { decision: 'link' })
    expect(browser.asked).to.deep.equal([])
    pageOf(await browser.get(), 'second-factor')
    await browser.post('/second-factor', { code: 'right' })
    pageOf(await browser.get(), 'link-account')
    await browser.post('/link', { decision: 'link' })
    expect(browser.asked).to.have.length(1)
  })

  it('L9 links nothing before a required change of the password, nor before a second factor that must be set up', async () => {
    const browser = createGuest()
    browser.says.factors = { kinds: [], needed: true }
    browser.says.password = () =>
      ({ ...browser.passed(), user: { ...ada, passwordChangeRequired: true } }) as SignInOutcome
    await browser.post('/sign-in', { username: 'ada', password: 'right' })
    for (const form of ['/set-up', '/link', '/consent']) {
      expect(await browser.post(form, { decision: 'link' })).to.deep.equal(toPage)
    }
    pageOf(await browser.get(), 'change-password')
    expect(browser.progress()).not.to.have.property('pendingSeed')
    await browser.post('/password', { 'new-password': 'four words in a row', 'repeat-password': 'four words in a row' })
    await browser.post('/link', { decision: 'link' })
    pageOf(await browser.get(), 'set-up-factor')
    expect([browser.asked, browser.results]).to.deep.equal([[], []])
    await browser.post('/set-up')
    await browser.post('/set-up-app', { code: 'right' })
    await browser.post('/link', { decision: 'link' })
    expect(browser.asked).to.deep.equal([])
    await browser.post('/codes-saved')
    expect(await browser.post('/link', { decision: 'link' })).to.deep.equal(toClient)
    expect(browser.asked).to.have.length(1)
  })

  it('links nothing for somebody who has not signed in', async () => {
    const browser = createGuest()
    expect(await browser.post('/link', { decision: 'link' })).to.deep.equal(toPage)
    expect(browser.asked).to.deep.equal([])
  })

  it('starts over when the account has ended its sessions, or the identity has another account', async () => {
    const browser = createGuest(false)
    await browser.post('/sign-in', { username: 'ada', password: 'right' })
    await browser.post('/link', { decision: 'link' })
    const { mistakes } = pageOf(await browser.get(), 'sign-in').model
    expect(mistakes).to.deep.equal([{ key: 'not-linked', values: { name: 'Corp' } }])
    expect(browser.audited.at(-1)).to.include({ event: 'account.linked', outcome: 'failure', reason: 'corp' })
  })
})
