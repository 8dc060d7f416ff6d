import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { expect } from 'chai'
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { findAxeViolations, startChromium, watchPage } from '@nauthera/harness/chromium'
import { authorizationUrl, pkce } from '@nauthera/harness/browser'
import { claimsOfJwt, redeem, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

describe('passkeys in a browser', function () {
  let replicas: ServerReplicas
  let chromium: Browser
  let context: BrowserContext
  let page: Page
  let devtools: CDPSession
  let authenticatorId: string
  let seen: ReturnType<typeof watchPage>
  let client: Server
  let redirectUri: string
  before(async function () {
    chromium = await startChromium(this)
    client = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<title>Client</title>'))
    redirectUri = `http://127.0.0.1:${await listenOnLoopback(client)}/callback`
    replicas = await startReplicas()
    await replicas.serve([entry('app.web', { ...configs.web, redirectUris: [redirectUri] })])
  })
  after(async () => {
    await chromium?.close()
    await replicas?.stop()
    client?.closeAllConnections()
    await new Promise((resolve) => (client ? client.close(resolve) : resolve(undefined)))
  })
  beforeEach(async () => {
    context = await chromium.newContext({ locale: 'en' })
    page = await context.newPage()
    seen = watchPage(page, new URL(replicas.issuer).origin)
    devtools = await context.newCDPSession(page)
    await devtools.send('WebAuthn.enable', { enableUI: false })
    const options = {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    } as const
    authenticatorId = (await devtools.send('WebAuthn.addVirtualAuthenticator', { options })).authenticatorId
  })
  afterEach(() => context?.close())

  const touches = (enabled: boolean) =>
    devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })

  let count = 0
  /** A person with a passkey, whose browser has no session any more. */
  async function withPasskey() {
    const username = `person${++count}`
    const id = await addPerson(replicas, username)
    await page.goto(`${replicas.issuer}/account/security/passkey`)
    await page.fill('#username', username)
    await page.fill('#password', password)
    await page.click('#sign-in')
    await page.fill('#passkey-name', 'Work laptop')
    expect(await findAxeViolations(page)).to.deep.equal([])
    await page.click('#passkey')
    await page.waitForSelector('#recovery-codes')
    await page.click('#codes-saved')
    await page.waitForURL('**/account/security')
    expect(await page.textContent('main')).to.contain('Work laptop')
    await context.clearCookies()
    return { username, id }
  }

  function start(parameters: Record<string, string> = {}) {
    const proof = pkce()
    return {
      proof,
      url: authorizationUrl(replicas.issuer, request(proof, { redirect_uri: redirectUri, ...parameters })),
    }
  }

  async function claimsAt(proof: ReturnType<typeof pkce>) {
    await page.waitForURL(`${redirectUri}**`)
    const value = new URL(page.url()).searchParams.get('code')!
    return claimsOfJwt(tokensOf(await redeem(replicas, { value, proof }, { form: { redirect_uri: redirectUri } })).id)
  }

  it('signs in without name and password, and counts as two factors', async () => {
    const { id } = await withPasskey()
    await touches(false)
    const { proof, url } = start({ acr_values: 'urn:nauthera:mfa' })
    await page.goto(url)
    await page.waitForSelector('#passkey')
    expect(await findAxeViolations(page)).to.deep.equal([])
    await touches(true)
    await page.click('#passkey')
    const claims = await claimsAt(proof)
    expect([claims['sub'], claims['acr'], claims['amr']]).to.deep.equal([
      id,
      'urn:nauthera:mfa',
      ['hwk', 'user', 'mfa'],
    ])
    expect(seen.complaints).to.deep.equal([])
    expect(seen.strangers.filter((url) => !url.startsWith(redirectUri))).to.deep.equal([])
  })

  it('is offered among the suggestions for the user name (autofill)', async () => {
    const { id } = await withPasskey()
    const { proof, url } = start()
    await page.goto(url)
    const claims = await claimsAt(proof)
    expect([claims['sub'], claims['amr']]).to.deep.equal([id, ['hwk', 'user', 'mfa']])
  })

  it('is the second factor after a password', async () => {
    const { username } = await withPasskey()
    await touches(false)
    const { proof, url } = start()
    await page.goto(url)
    await page.fill('#username', username)
    await page.fill('#password', password)
    await page.click('#sign-in')
    await page.waitForSelector('#recovery')
    expect(await page.textContent('h1')).to.equal('Second step')
    await touches(true)
    await page.click('#passkey')
    expect((await claimsAt(proof))['amr']).to.deep.equal(['pwd', 'hwk', 'user', 'mfa'])
  })

  it('L21 an authenticator without user verification is not accepted, and the page says that it can be tried again', async () => {
    await withPasskey()
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    await touches(false)
    await page.goto(start().url)
    await page.waitForSelector('#passkey')
    await touches(true)
    await page.click('#passkey')
    await page.waitForSelector('#passkey-failed:visible')
    expect(await page.evaluate('document.activeElement.id')).to.equal('passkey-failed')
    expect(await page.isVisible('#password')).to.equal(true)
  })

  it('is one of two ways to set up a second factor that must be there, and proves it at once', async () => {
    const username = `person${++count}`
    const id = await addPerson(replicas, username)
    const { proof, url } = start({ acr_values: 'urn:nauthera:mfa' })
    await page.goto(url)
    await page.fill('#username', username)
    await page.fill('#password', password)
    await page.click('#sign-in')
    await page.waitForSelector('#set-up')
    expect(await findAxeViolations(page)).to.deep.equal([])
    await page.fill('#passkey-name', 'Laptop')
    await page.click('#passkey')
    await page.waitForSelector('#recovery-codes')
    await page.click('#codes-saved')
    const claims = await claimsAt(proof)
    expect([claims['sub'], claims['acr'], claims['amr']]).to.deep.equal([
      id,
      'urn:nauthera:mfa',
      ['pwd', 'hwk', 'user', 'mfa'],
    ])
    const factors = await replicas.apps[0]!.store.factors.of(id)
    expect(factors.map(({ kind, name }) => [kind, name])).to.deep.equal([['passkey', 'Laptop']])
    expect(seen.complaints).to.deep.equal([])
  })

  it('is removed by its owner, and does not work any more', async () => {
    const { id } = await withPasskey()
    await page.goto(`${replicas.issuer}/account/security`)
    await page.waitForURL('**/account/security')
    await page.click('text=Remove')
    await page.click('#remove-passkey')
    await page.waitForSelector('#add-passkey')
    expect(await replicas.apps[0]!.store.factors.of(id)).to.deep.equal([])
    await context.clearCookies()
    await page.goto(start().url)
    // the page of the mistake asks for a passkey again, and gets it: one page follows the other
    await page.waitForSelector('#mistakes:has-text("The passkey was not accepted")')
  })
})
