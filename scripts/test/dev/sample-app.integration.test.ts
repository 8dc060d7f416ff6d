import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { findAxeViolations, watchPage } from '@nauthera/harness/chromium'
import { findChromium, openBrowser } from '@nauthera/local/programs/chromium'
import { applyExamples } from '../../dev/examples.ts'
import { mountVolume } from '@nauthera/stand-in/mounted-volume'
import type { MountedVolume } from '@nauthera/stand-in/mounted-volume'
import { freePort } from '@nauthera/local/processes/ports'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { codeAt } from '@nauthera/server/users/factors/totp'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import { startProcess } from '@nauthera/local/processes/process'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'

// A person signs in to an application that has nothing but its Secret, in a real browser, with and without JavaScript.

const root = fileURLToPath(new URL('../../..', import.meta.url))
const person = { name: 'ada', password: 'quiet-harbour-71' }

describe('signing in through the sample application', function () {
  let stack: Stack
  let app: RunningProcess
  let secret: MountedVolume
  let browser: Browser
  let home: string

  before(async function () {
    if (findChromium() === undefined) {
      process.stderr.write('no Chromium in the PATH: signing in through the sample application is not tested\n')
      this.skip()
    }
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    const directory = mkdtempSync(join(root, '.nauthera/test-'))
    reapDirectory(directory)
    const port = await freePort()
    home = `http://localhost:${port}`
    stack = await startStack({ directory, replicas: 2, namespaces: ['demo'], serverSettings: { drainTimeout: '0s' } })
    const { api } = stack
    secret = mountVolume({
      directory: join(directory, 'secret'),
      sources: [{ secret: 'demo-web-oidc' }],
      read: (name) =>
        api.store.find(api.resource('secrets'), 'demo', name)?.['data'] as Record<string, string> | undefined,
    })
    app = startProcess({
      name: 'sample',
      script: 'scripts/dev/sample-app.ts',
      args: ['--port', String(port), '--secret', secret.directory],
    })
    const moved = (text: string) => text.replaceAll('http://localhost:3000/', `${home}/`)
    await Promise.all([
      app.line(/listening/),
      applyExamples(api, (object) => JSON.parse(moved(JSON.stringify(object)))),
      runToEnd({
        name: 'users add',
        script: 'server/src/cli/main.ts',
        args: ['users', 'add', person.name, '--name', 'Ada', '--password-stdin', '--settings', stack.serverSettings],
        input: person.password,
      }),
    ])
    await waitForObject(api, 'oidcclients', { namespace: 'demo', name: 'demo-web' }, isReady)
    secret.sync()
    browser = await openBrowser()
  })
  after(async () => {
    await browser?.close()
    await app?.stop()
    secret?.stop()
    await stack?.stop()
  })

  const newPage = async (
    options: { javaScriptEnabled?: boolean; colorScheme?: 'light' | 'dark' } = {},
  ): Promise<Page> => {
    const context = await browser.newContext({ javaScriptEnabled: false, ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    return page
  }
  const signIn = async (page: Page) => {
    await page.goto(home)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.locator('#username').fill(person.name)
    await page.locator('#password').fill(person.password)
    await page.locator('#sign-in').click()
    // consent is asked for once and remembered
    await page.locator('#consent-allow, #name').first().waitFor()
    if (!page.url().startsWith(home)) await page.locator('#consent-allow').click()
    await page.locator('#name').waitFor()
  }

  it('shows who is signed in, and nobody after signing out', async () => {
    const page = await newPage()
    await signIn(page)
    expect(await page.locator('#name').textContent()).to.equal('Ada')
    const claims = await page.getByRole('region', { name: 'Tokens' }).textContent()
    expect(claims).to.include(stack.issuer).and.to.include('demo.demo-web')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.locator('#logout-confirm').click()
    await page.waitForURL(`${home}/`)
    expect(await page.locator('body').textContent()).to.include('Nobody is signed in')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.locator('#password').waitFor()
  })

  it('asks for a second factor by acr_values, as an API would want it, and says what was proved', async () => {
    const page = await newPage()
    await signIn(page)
    expect(await page.locator('#acr').textContent()).to.equal('urn:nauthera:password')
    await page.getByRole('button', { name: 'Ask for a second factor' }).click()
    // nobody sets up a second factor with a session alone
    await page.locator('#password').fill(person.password)
    await page.locator('#sign-in').click()
    await page.locator('#set-up').click()
    const seed = (await page.locator('#secret').textContent())!.replace(/\s/g, '')
    await page.locator('#code').fill(codeAt(seed, Date.now()))
    await page.locator('#set-up-app').click()
    await page.locator('#codes-saved').click()
    await page.locator('#acr', { hasText: 'urn:nauthera:mfa' }).waitFor()
    await runToEnd({
      name: 'nauthera users reset-2fa',
      script: 'server/src/cli/main.ts',
      args: ['users', 'reset-2fa', person.name, '--settings', stack.serverSettings],
    })
  })

  const data = (object: unknown) => (object as { data: Record<string, string> }).data['client_secret']
  const secretNow = () => stack.api.store.get(stack.api.resource('secrets'), 'demo', 'demo-web-oidc')
  const rotate = async (): Promise<void> => {
    const before = secretNow()
    const client = stack.api.store.get(stack.api.resource('oidcclients'), 'demo', 'demo-web')
    const annotations = { ...client.metadata.annotations, 'auth.nauthera.io/rotate': 'now' }
    stack.api.set({ ...client, metadata: { ...client.metadata, annotations } })
    await waitForObject(
      stack.api,
      'secrets',
      { namespace: 'demo', name: 'demo-web-oidc' },
      (object) => object !== undefined && data(object) !== data(before),
    )
    secret.sync()
  }

  it('shows the secret in use changing while requests go on, and none of them fails', async () => {
    const page = await newPage({ javaScriptEnabled: true })
    const { complaints, strangers } = watchPage(page, home)
    await page.goto(home)
    const text = (id: string) => page.locator(id).textContent()
    const before = await text('#secret-id')
    expect(before).to.match(/^[0-9a-f]{8}$/)
    await page
      .locator('#requests')
      .filter({ hasText: /^([4-9]|\d{2,})$/ })
      .waitFor()
    await rotate()
    await page.locator('#change', { hasText: 'New secret' }).waitFor()
    const after = await text('#secret-id')
    expect(after)
      .to.match(/^[0-9a-f]{8}$/)
      .and.to.not.equal(before)
    expect(await text('#change'))
      .to.include(`before it was ${before}`)
      .and.to.include('no request failed')
    const counted = await text('#requests')
    await page
      .locator('#requests')
      .filter({ hasNotText: new RegExp(`^${counted}$`) })
      .waitFor()
    expect(await text('#failures')).to.equal('0')
    expect({ complaints, strangers }).to.deep.equal({ complaints: [], strangers: [] })
    expect(app.restarts).to.equal(0)
  })

  it('works with the new secret after a rotation, without a restart of the application', async () => {
    const page = await newPage()
    await signIn(page)
    expect(await page.locator('#name').textContent()).to.equal('Ada')
    expect(await page.locator('#failures').textContent()).to.equal('0')
    expect(app.restarts).to.equal(0)
  })

  it('shows new tokens after a refresh, and what userinfo says', async () => {
    const page = await newPage()
    await signIn(page)
    const tokens = () => page.getByRole('region', { name: 'Tokens' }).textContent()
    const before = await tokens()
    await page.getByRole('button', { name: 'Refresh tokens' }).click()
    expect(await page.getByRole('status').first().textContent()).to.include('New tokens')
    expect(await tokens()).to.not.equal(before)
    await page.getByRole('button', { name: 'Ask userinfo' }).click()
    expect(await page.getByRole('region', { name: 'Userinfo' }).textContent()).to.include('preferred_username')
  })

  it('ends no session for what is no logout token, an ID token least of all', async () => {
    const page = await newPage()
    await signIn(page)
    const idToken = /eyJ[\w-]+\.[\w-]+\.[\w-]+/.exec((await page.locator('body').textContent()) ?? '')?.[0] ?? 'a.b.c'
    for (const body of ['', `logout_token=${idToken}`, 'logout_token=x']) {
      const answer = await fetch(`${home}/backchannel-logout`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
      expect(answer.status).to.equal(400)
      expect(await answer.json()).to.include({ error: 'invalid_request' })
    }
    await page.goto(home)
    expect(await page.locator('body').textContent()).to.include('Signed in as')
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`can be used by everybody: ${colorScheme}, wide and narrow, by keyboard`, async () => {
      const page = await newPage({ javaScriptEnabled: true, colorScheme })
      await page.goto(home)
      expect(await findAxeViolations(page)).to.deep.equal([])
      await signIn(page)
      for (const width of [1280, 320]) {
        await page.setViewportSize({ width, height: 800 })
        expect(await findAxeViolations(page), `${width} px`).to.deep.equal([])
        expect(await page.evaluate('document.documentElement.scrollWidth'), 'scrolls sideways').to.be.at.most(width)
      }
      const reached: unknown[] = []
      for (let presses = 0; presses < 4; presses++) {
        await page.keyboard.press('Tab')
        reached.push(await page.evaluate('document.activeElement.textContent'))
      }
      expect(reached).to.deep.equal(['Ask for a second factor', 'Refresh tokens', 'Ask userinfo', 'Sign out'])
    })
  }
})
