import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { findAxeViolations, startChromium, watchPage } from '@nauthera/harness/chromium'
import { addPerson, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { codeAt } from '../../src/users/factors/totp.ts'

describe('the help desk in a browser', function () {
  let server: ServerReplicas
  let browser: Browser
  let page: Page
  let ada = ''
  let colleague = ''
  before(async function () {
    browser = await startChromium(this)
    server = await startReplicas({ settings: { admin: { group: 'desk', assignableGroups: ['on-call'] } } })
    await addPerson(server, 'agent', ['desk'])
    ada = await addPerson(server, 'ada')
    colleague = await addPerson(server, 'colleague', ['desk'])
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

  it('begins the page of a person with what can be done, and stays short however many groups they have', async () => {
    const groups = Array.from({ length: 200 }, (_, n) => `team-${n}-of-the-company`)
    const id = await addPerson(server, 'grouped', groups)
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 })
      await page.goto(`${server.issuer}/admin/people/${id}`)
      const [height, act] = [await page.locator('body').boundingBox(), await page.locator('#act-disable').boundingBox()]
      expect(height!.height, `${width} pixels wide`).to.be.lessThan(2500)
      expect(act!.y + act!.height, `${width} pixels wide`).to.be.lessThan(800)
      await page.click('#groups summary')
      expect(await page.locator('#groups li').last().isVisible()).to.equal(true)
    }
    await page.selectOption('#about', 'on-call')
    await page.click('#add-group')
    await page.click('#confirm')
    expect(await page.locator('#said').innerText()).to.equal('The person is in the group.')
    expect((await server.apps[0]!.store.accounts.load({ userId: id }))!.user.groups).to.include('on-call')
  })

  it('shows its pages with real data without a fault of accessibility', async () => {
    const seeing = await browser.newPage({ locale: 'de' })
    await seeing.context().addCookies(await page.context().cookies())
    for (const path of [
      '/admin',
      `/admin/people/${ada}`,
      `/admin/people/${ada}/enable`,
      `/admin/people/${ada}/audit`,
      `/admin/people/${ada}/add-group?about=on-call`,
      `/admin/people/${colleague}`,
      `/admin/people/${colleague}/disable`,
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
