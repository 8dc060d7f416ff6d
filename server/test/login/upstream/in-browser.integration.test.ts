import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { expect } from 'chai'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { authorizationUrl } from '@nauthera/harness/browser'
import { findAxeViolations, startChromium, watchPage } from '@nauthera/harness/chromium'
import { addPerson, configs, entry, password } from '@nauthera/harness/server'
import { startParties } from './parties.ts'
import type { Parties } from './parties.ts'

// Two Nautheras and an application, in a real browser without JavaScript: what its policy for forms (`form-action`) would block, a browser of
// our own would not notice.

describe('signing in at another provider with a browser', function () {
  let browser: Browser
  let parties: Parties
  let application: Server
  let callback: string
  let context: BrowserContext
  let page: Page
  before(async function () {
    browser = await startChromium(this)
    application = createServer((_request, response) => response.end('<title>At the application</title>'))
    callback = `http://127.0.0.1:${await listenOnLoopback(application)}/callback`
    parties = await startParties({ paths: true, upstream: { domains: ['example.com'] } })
    await parties.down.serve([entry('spa', { ...configs.spa, redirectUris: [callback] })])
    await addPerson(parties.up, 'ada')
  })
  after(async () => {
    await browser?.close()
    await parties?.stop()
    application?.closeAllConnections()
    application?.close()
  })
  beforeEach(async () => {
    context = await browser.newContext({ locale: 'en', javaScriptEnabled: false })
    page = await context.newPage()
  })
  afterEach(() => context?.close())

  const begin = (more: Record<string, string> = {}) =>
    page.goto(
      authorizationUrl(parties.down.issuer, {
        client_id: 'spa',
        response_type: 'code',
        redirect_uri: callback,
        scope: 'openid profile',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
        ...more,
      }),
    )

  it('leads from the button to the other provider, back, and to the application', async () => {
    const seen = watchPage(page, 'http://')
    await begin()
    await page.click('#upstream-corp')
    await page.waitForURL(`${parties.up.issuer}/interaction/**`)
    await page.fill('#username', 'ada')
    await page.fill('#password', password)
    await page.click('#sign-in')
    await page.waitForURL(`${callback}**`)
    expect(new URL(page.url()).searchParams.get('code')).not.to.equal(null)
    expect(seen.complaints).to.deep.equal([])
  })

  it('links an account after a sign-in with its password', async () => {
    await addPerson(parties.down, 'bea')
    await addPerson(parties.up, 'bea')
    await begin()
    await page.click('#upstream-corp')
    await page.waitForURL(`${parties.up.issuer}/interaction/**`)
    await page.fill('#username', 'bea')
    await page.fill('#password', password)
    await page.click('#sign-in')
    await page.waitForSelector('#linking')
    expect(await page.textContent('#linking')).to.include('already has the address bea@example.com')
    await page.fill('#username', 'bea')
    await page.fill('#password', password)
    await page.click('#sign-in')
    await page.click('#link-confirm')
    await page.waitForURL(`${callback}**`)
  })

  it('leads an address there without a password, with the keyboard alone', async () => {
    await begin()
    await page.fill('#username', 'ada@example.com')
    await page.press('#username', 'Enter')
    await page.waitForURL(`${parties.up.issuer}/interaction/**`)
    expect(await page.inputValue('#username')).to.equal('ada@example.com')
  })

  it('has no fault of accessibility on the page with the other ways', async () => {
    const scripted = await browser.newContext({ locale: 'en', bypassCSP: true, viewport: { width: 320, height: 640 } })
    try {
      page = await scripted.newPage()
      await begin()
      expect(await findAxeViolations(page)).to.deep.equal([])
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).to.be.at.most(320)
    } finally {
      await scripted.close()
    }
  })
})
