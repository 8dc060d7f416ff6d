import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { expect } from 'chai'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { authorizationUrl, pkce } from '@nauthera/harness/browser'
import { startChromium, watchPage } from '@nauthera/harness/chromium'
import { request } from '@nauthera/harness/flows'
import { addPerson, configs, entry, password } from '@nauthera/harness/server'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { createLinkMails } from '../src/users/links/link-mails.ts'
import { codeAt } from '../src/users/factors/totp.ts'
import { newPassword, startMailSite } from './mail/with-mail.ts'
import type { MailSite } from './mail/with-mail.ts'

// Whole ways of people through the pages, in a real browser, on a server that sends real mails: with the keyboard alone, and without
// JavaScript unless a passkey is part of it.

describe('people on their way through the pages', function () {
  // on a busy machine each key takes its time
  this.timeout(300_000)
  let browser: Browser
  let site: MailSite
  let context: BrowserContext
  let page: Page
  let seen: ReturnType<typeof watchPage>
  let application: Server
  let redirectUri: string
  before(async function () {
    browser = await startChromium(this)
    const settings = { admin: { group: 'desk' }, secondFactor: { requiredGroups: ['careful'] } }
    const registration = { enabled: true, allowedDomains: ['example.com'] }
    site = await startMailSite({ settings: { ...settings, registration } })
    application = createServer((_, response) =>
      response.setHeader('content-type', 'text/html').end('<title>At the application</title>'),
    )
    redirectUri = `http://127.0.0.1:${await listenOnLoopback(application)}/callback`
    const about = { clientName: 'Expense Reports', consent: ConsentMode.REMEMBER, redirectUris: [redirectUri] }
    await site.serve([entry('app.web', { ...configs.web, ...about })])
  })
  after(async () => {
    await browser?.close()
    await site?.stop()
    application?.closeAllConnections()
    await new Promise((resolve) => (application ? application.close(resolve) : resolve(undefined)))
  })
  afterEach(async () => {
    await context?.close()
    expect(seen.complaints).to.deep.equal([])
    expect(seen.strangers.filter((url) => !url.startsWith(redirectUri))).to.deep.equal([])
  })

  async function open(options: BrowserContextOptions = {}) {
    context = await browser.newContext({ locale: 'en', javaScriptEnabled: false, ...options })
    page = await context.newPage()
    seen = watchPage(page, new URL(site.issuer).origin)
  }

  const focused = () => page.evaluate<string>('document.activeElement.id')
  /** Waits for it: autofocus is given when the page is drawn first, which may be after its load. */
  const focusIs = (id: string) =>
    page.waitForFunction(`document.activeElement.id === '${id}'`, undefined, { polling: 50 })
  /** Goes on with the Tab key until a control has the focus: from where the page has put it. */
  async function tabTo(id: string) {
    await page.waitForSelector(`#${id}`)
    for (let presses = 0; presses < 60; presses++) {
      if ((await focused()) === id) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`the Tab key does not reach #${id} at ${page.url()}`)
  }
  async function type(id: string, text: string) {
    await tabTo(id)
    await page.keyboard.insertText(text)
  }
  /** Presses a button or follows a link. @returns when the next page is there */
  async function press(id: string) {
    await tabTo(id)
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
  }
  async function signIn(username: string, secret = password) {
    await type('username', username)
    await type('password', secret)
    await press('sign-in')
  }
  const goTo = (path: string) => page.goto(`${site.issuer}${path}`)
  const title = async () => (await page.title()).replace(' · Nauthera', '')
  const seedOnPage = async () => (await page.locator('#secret').innerText()).replaceAll(/\s/g, '')
  const people = () => site.apps[0]!.store

  const codeOf = (seed: string) => codeAt(seed, Date.now())

  it('who forgot the password gets a link by mail, sets a new one, and signs in with it', async () => {
    await addPerson(site, 'fay')
    await open()
    await goTo('/account')
    await focusIs('username')
    await press('forgot-password')
    expect(await title()).to.equal('Forgot your password?')
    await focusIs('login')
    await type('login', 'FAY@example.com')
    await press('forgot')
    expect(await page.locator('[role=status]').innerText()).to.contain('mail')
    await goTo(await site.linkTo('fay@example.com'))
    await type('new-password', newPassword)
    await type('repeat-password', `${newPassword}s`)
    await press('set-password')
    // what is wrong has the focus, and the next Tab leads to a field
    expect(await title()).to.match(/^Error: /)
    await focusIs('mistakes')
    await page.keyboard.press('Tab')
    await focusIs('new-password')
    await type('new-password', newPassword)
    await type('repeat-password', newPassword)
    await press('set-password')
    await press('go-on')
    await signIn('fay', newPassword)
    expect(await page.locator('main').innerText()).to.contain('fay Example')
    expect(new URL(page.url()).pathname).to.equal('/account')
  })

  it('who is invited chooses a password and sets up the second step that the group needs: on a small screen, in German', async () => {
    const linkMails = createLinkMails({ ...people(), canChangePassword: () => true })
    const audit = [{ event: 'admin.users.invite', outcome: 'success' } as const]
    await linkMails.invite({ email: 'gerda@example.com', groups: ['careful'], locale: 'de' }, { audit })
    await open({ locale: 'de', viewport: { width: 320, height: 640 } })
    const titles: string[] = []
    const look = async () => {
      titles.push(await title())
      expect(await page.locator('html').getAttribute('lang')).to.equal('de')
      const wide = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      )
      expect(wide, `${await title()} scrolls to the side`).to.equal(0)
    }
    await goTo(await site.linkTo('gerda@example.com'))
    await look()
    await focusIs('name')
    await type('name', 'Gerda')
    await type('new-password', newPassword)
    await type('repeat-password', newPassword)
    await press('join')
    await look()
    await press('go-on')
    await look()
    await signIn('gerda@example.com', newPassword)
    await look()
    await press('set-up')
    await look()
    await type('code', '000000')
    await press('set-up-app')
    await look()
    await focusIs('mistakes')
    await type('code', codeOf(await seedOnPage()))
    await press('set-up-app')
    await look()
    expect(await page.locator('#recovery-codes li').count()).to.equal(10)
    await press('codes-saved')
    await look()
    for (const link of ['nav-security', 'nav-sessions', 'nav-profile', 'nav-applications']) {
      await press(link)
      await look()
    }
    expect(new Set(titles).size, titles.join(', ')).to.be.at.least(11)
  })

  it('who has no account registers: a mistake, a link by mail, a password, and then the sign-in', async () => {
    await open()
    await goTo('/account')
    await press('register-link')
    await focusIs('email')
    await type('email', 'nina@elsewhere.test')
    await press('register')
    expect(await title()).to.equal('Error: Create an account')
    await focusIs('mistakes')
    await page.keyboard.press('Tab')
    await focusIs('email')
    await page.keyboard.press('Control+a')
    await type('email', 'nina@example.com')
    await press('register')
    expect(await page.locator('[role=status]').innerText()).to.contain('mail')
    await goTo(await site.linkTo('nina@example.com'))
    await focusIs('name')
    await type('name', 'Nina')
    await type('new-password', newPassword)
    await type('repeat-password', newPassword)
    await press('join')
    await press('go-on')
    await signIn('nina@example.com', newPassword)
    expect(await page.locator('main').innerText()).to.contain('Nina')
    expect(new URL(page.url()).pathname).to.equal('/account')
    expect((await people().users.findByLogin('nina@example.com'))?.emailVerified).to.equal(true)
  })

  it('who confirms an address presses one button, in German on a small screen; the link works once', async () => {
    const user = await people().users.insert({ username: 'vera', email: 'vera@example.com' })
    await createLinkMails({ ...people(), canChangePassword: () => true }).sendVerify(user, { audit: [] })
    await open({ locale: 'de', viewport: { width: 320, height: 640 } })
    const link = await site.linkTo('vera@example.com')
    await goTo(link)
    await focusIs('confirm-email')
    const wide = await page.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )
    expect(wide).to.equal(0)
    expect((await people().users.findByLogin('vera'))?.emailVerified, 'looked at only').to.equal(false)
    await press('confirm-email')
    expect(await page.locator('html').getAttribute('lang')).to.equal('de')
    expect(await page.locator('[role=status]').count()).to.equal(1)
    expect((await people().users.findByLogin('vera'))?.emailVerified).to.equal(true)
    const again = await goTo(link)
    expect(again?.status()).to.equal(400)
  })

  it('who has lost the app signs in with a recovery code, which works once, and sets up another app', async () => {
    await addPerson(site, 'rita', ['careful'])
    await open()
    await goTo('/account/security')
    await signIn('rita')
    await press('set-up')
    await type('code', codeOf(await seedOnPage()))
    await press('set-up-app')
    const [code = ''] = await page.locator('#recovery-codes li').allInnerTexts()
    await press('codes-saved')
    const useCode = async () => {
      await context.clearCookies()
      await goTo('/account/security')
      await signIn('rita')
      await focusIs('code')
      // the way for whoever has no code is closed until it is asked for
      await tabTo('recovery')
      await page.keyboard.press('Enter')
      await type('recovery-code', code.toLowerCase())
      await press('use-recovery-code')
    }
    await useCode()
    expect(new URL(page.url()).pathname).to.equal('/account/security')
    await press('replace-app')
    await type('code', codeOf(await seedOnPage()))
    await press('set-up-app')
    // the codes stay
    expect(new URL(page.url()).pathname).to.equal('/account/security')
    await useCode()
    await focusIs('mistakes')
    expect(await title()).to.match(/^Error: /)
  })

  it('whoever changes the password, looks at the sessions and takes back an access needs the keyboard alone', async () => {
    await addPerson(site, 'kim')
    await open({ userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' })
    const elsewhere = await browser.newContext({ locale: 'en', javaScriptEnabled: false })
    const other = await elsewhere.newPage()
    await other.goto(`${site.issuer}/account`)
    await other.fill('#username', 'kim')
    await other.fill('#password', password)
    await other.click('#sign-in')

    await page.goto(authorizationUrl(site.issuer, request(pkce(), { redirect_uri: redirectUri })))
    await signIn('kim')
    await press('consent-allow')
    expect(await title()).to.equal('At the application')
    await goTo('/account/applications')
    expect(await page.locator('main').innerText()).to.contain('Expense Reports')
    await press('remove-0')
    await press('remove-access')
    expect(await focused(), 'the page begins at its begin').to.equal('')
    expect(await page.locator('#said').innerText()).to.not.equal('')
    expect(await page.locator('main').innerText()).to.not.contain('See your e-mail address')

    await press('nav-sessions')
    expect(await page.locator('.rows > li').count()).to.equal(2)
    await press('nav-security')
    await press('change-password')
    await type('current-password', 'a wrong one')
    await type('new-password', newPassword)
    await type('repeat-password', newPassword)
    await press('save-password')
    expect(await title()).to.equal('Error: Change the password')
    await focusIs('mistakes')
    await page.keyboard.press('Tab')
    await focusIs('current-password')
    await type('current-password', password)
    await type('new-password', newPassword)
    await type('repeat-password', newPassword)
    await press('save-password')
    expect(await page.locator('#said').innerText()).to.contain('password')
    await other.reload()
    expect(await other.title(), 'the other browser').to.contain('Sign in')
    await press('nav-sessions')
    expect(await page.locator('.rows > li').count()).to.equal(1)
    await press('everywhere')
    await press('end-all')
    expect(await page.locator('h1').innerText()).to.match(/signed out/i)
    await goTo('/account')
    await signIn('kim', newPassword)
    await page.goto(authorizationUrl(site.issuer, request(pkce(), { redirect_uri: redirectUri })))
    expect(await title(), 'asked again').to.contain('Allow access')
    await elsewhere.close()
  })

  it('a passkey is the second step and then the only one, by keyboard', async () => {
    await addPerson(site, 'pat')
    await open({ javaScriptEnabled: true })
    const devtools = await context.newCDPSession(page)
    await devtools.send('WebAuthn.enable', { enableUI: false })
    const device = {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    } as const
    const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options: device })
    const touches = (enabled: boolean) =>
      devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
    await goTo('/account/security/passkey')
    await signIn('pat')
    await type('passkey-name', 'Work laptop')
    await press('passkey')
    await press('codes-saved')
    expect(await page.locator('main').innerText()).to.contain('Work laptop')

    await context.clearCookies()
    // nobody touches the device before the person wants it: the suggestions of the browser would sign in at once
    await touches(false)
    await goTo('/account')
    await signIn('pat')
    expect(await title()).to.equal('Second step')
    await touches(true)
    await press('passkey')
    expect(new URL(page.url()).pathname).to.equal('/account')

    await context.clearCookies()
    await touches(false)
    await goTo('/account')
    await page.waitForSelector('#passkey')
    await touches(true)
    await press('passkey')
    expect(new URL(page.url()).pathname).to.equal('/account')
    expect(await page.locator('main').innerText()).to.contain('pat Example')
  })

  it('the help desk finds somebody who is locked out, lifts the lock and removes a lost second step', async () => {
    await addPerson(site, 'agent', ['desk'])
    const id = await addPerson(site, 'lost', ['careful'])
    await open()
    // somebody with an app that is gone, who has tried too often
    await goTo('/account')
    await signIn('lost')
    await press('set-up')
    await type('code', codeOf(await seedOnPage()))
    await press('set-up-app')
    await press('codes-saved')
    const { attempts } = people()
    const limits = { perAccount: 10, perAddress: 100, windowMs: 900_000, lockMs: 900_000 }
    for (let turn = 0; turn < limits.perAccount; turn++)
      await attempts.fail((await attempts.start({ login: 'lost', address: '192.0.2.7', limits })).keys, limits)
    await context.clearCookies()
    await goTo('/account')
    await signIn('lost')
    expect(await page.locator('#mistakes').innerText()).to.contain('wrong')

    await goTo('/admin')
    await signIn('agent')
    if ((await page.locator('#username').count()) === 1) await signIn('agent')
    await press('set-up')
    await type('code', codeOf(await seedOnPage()))
    await press('set-up-app')
    await press('codes-saved')
    await type('q', 'LOST@')
    await press('search')
    await page.locator(`a[href$="${id}"]`).focus()
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
    expect(await page.locator('#state').innerText()).to.contain('locked')
    await press('act-unlock')
    await press('confirm')
    expect(await page.locator('#said').innerText()).to.not.equal('')
    expect(await page.locator('#state').innerText()).to.not.contain('locked')
    await press('act-reset-factors')
    await press('confirm')
    expect(await page.locator('section[aria-labelledby=factors] li').count()).to.equal(0)

    await context.clearCookies()
    await goTo('/account')
    await signIn('lost')
    expect(await title()).to.equal('Set up a second step')
  })
})
