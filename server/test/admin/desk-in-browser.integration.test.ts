import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { findAxeViolations, launchChromium, watchPage } from '@nauthera/harness/chromium'
import { addPerson, password, startReplicas } from '@nauthera/harness/server'
import type { Replicas } from '@nauthera/harness/server'
import { codeAt } from '../../src/users/factors/totp.ts'

describe('the help desk in a browser', function () {
  this.timeout(60_000)
  let server: Replicas
  let browser: Browser
  let page: Page
  let ada = ''
  before(async function () {
    browser = await launchChromium(this)
    server = await startReplicas({ settings: { admin: { group: 'desk' } } })
    await addPerson(server, 'agent', ['desk'])
    ada = await addPerson(server, 'ada')
    page = await browser.newPage({ locale: 'en', javaScriptEnabled: false })
  })
  after(async () => {
    await browser?.close()
    await server?.stop()
  })

  const signIn = async () => {
    await page.fill('#username', 'agent')
    await page.fill('#password', password)
    await page.press('#password', 'Enter')
  }
  /** Goes on with the Tab key until a control has the focus. */
  const tabTo = async (id: string) => {
    for (let presses = 0; presses < 40; presses++) {
      await page.keyboard.press('Tab')
      if ((await page.locator(':focus').getAttribute('id')) === id) return
    }
    throw new Error(`the Tab key does not reach #${id}`)
  }

  it('a member sets up a second step, finds a person and disables them, by keyboard and without JavaScript', async () => {
    const seen = watchPage(page, new URL(server.issuer).origin)
    await page.goto(`${server.issuer}/admin`)
    await signIn()
    await signIn()
    await page.click('#set-up')
    const seed = (await page.locator('#secret').innerText()).replaceAll(/\s/g, '')
    await page.fill('#code', codeAt(seed, Date.now()))
    await page.press('#code', 'Enter')
    await page.click('#codes-saved')
    await page.waitForURL(/\/admin$/)

    await tabTo('q')
    await page.keyboard.type('ad')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/admin\?q=ad$/)
    await page.focus(`a[href$="${ada}"]`)
    await page.keyboard.press('Enter')
    await page.waitForURL(new RegExp(`/admin/people/${ada}$`))
    await tabTo('act-disable')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/disable$/)
    await tabTo('confirm')
    await page.keyboard.press('Enter')
    await page.waitForURL(new RegExp(`/admin/people/${ada}$`))
    expect(await page.locator('#said').innerText()).to.equal('The account is disabled.')
    expect(await page.locator('#state').innerText()).to.contain('disabled')
    expect(seen).to.deep.equal({ complaints: [], strangers: [] })
    const { user } = (await server.apps[0]!.store.accounts.load({ userId: ada }))!
    expect(user.disabled).to.equal(true)
  })

  it('shows its pages with real data without a fault of accessibility', async () => {
    const seeing = await browser.newPage({ locale: 'de' })
    await seeing.context().addCookies(await page.context().cookies())
    for (const path of [
      '/admin',
      `/admin/people/${ada}`,
      `/admin/people/${ada}/enable`,
      '/admin/clients',
      '/admin/keys',
    ]) {
      await seeing.goto(`${server.issuer}${path}`)
      for (const colorScheme of ['light', 'dark'] as const) {
        await seeing.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        expect(await findAxeViolations(seeing), `${path} ${colorScheme}`).to.deep.equal([])
      }
    }
    await seeing.close()
  })
})
