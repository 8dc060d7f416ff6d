import { join } from 'node:path'
import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { password } from '@nauthera/harness/browser'
import { findChromium } from '@nauthera/local/programs/chromium'
import { connectThrough, openClusterBrowser } from './support/browser.ts'
import type { ClusterBrowser } from './support/browser.ts'
import type { DirectoryPod } from './support/directory.ts'
import type { Driver } from './support/driver.ts'
import { screenshots } from './support/failure.ts'
import { forwardPort, kubectl, tryKubectl, until } from './support/kubernetes.ts'
import type { MailServer } from './support/mail-server.ts'
import { isReady } from './support/pods.ts'
import { useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'
import { startSampleApp } from './support/sample-app.ts'
import { group, maxAgeMs, useSurroundings } from './support/surroundings.ts'

// People of a directory and mail to people: OpenLDAP and an SMTP server in pods, which a release that runs already is told of.

const newPassword = 'a new password, chosen in the browser'

describe('a directory and a mail server on a real cluster', function () {
  this.timeout(420_000)
  let product: InstalledProduct
  let driver: Driver
  let directory: DirectoryPod
  let mailServer: MailServer
  let window: ClusterBrowser
  let app: string

  before(async function () {
    product = await useProduct()
    driver = await useDriver()
    const [surroundings, client] = await Promise.all([
      useSurroundings(),
      startSampleApp(product.team, 'staff', {
        displayName: 'Staff',
        scopes: ['openid', 'profile', 'email', 'groups'],
        access: { allowedGroups: [group] },
        logout: { backchannelURI: `https://staff.${product.team}.svc.cluster.local/backchannel-logout` },
      }),
    ])
    ;({ directory, mailServer } = surroundings)
    app = client
    await product.release.addPerson('ben', { groups: [group] })
    if (findChromium() === undefined) return
    window = await openClusterBrowser(product.team, driver)
    await window.whenThere(app)
  })
  after(() => window?.close())

  /** @returns the page of a person who came from the application to the sign-in page */
  async function begin(test: Mocha.Context): Promise<Page> {
    if (findChromium() === undefined) {
      process.stderr.write('no Chromium in the PATH: people of a directory and mail are not tested in a browser\n')
      test.skip()
    }
    const { page } = await window.newPage()
    await page.goto(`${app}/login`)
    return page
  }

  async function signIn(page: Page, username: string, withPassword: string): Promise<void> {
    await page.locator('#username').fill(username)
    await page.locator('#password').fill(withPassword)
    await page.locator('#sign-in').click()
  }

  /** Begins again and again at the application, and is let in by the session that there is. When the answer of
   *  the directory ages out between the code and its exchange, or userinfo, that is refused, and so is the next request.
   *  @returns milliseconds from now until the request that is refused, which is the first one after the stated age at the latest */
  async function whenRefused(page: Page): Promise<number> {
    const removed = performance.now()
    for (;;) {
      const age = performance.now() - removed
      await page.goto(`${app}/login`)
      if ((await page.locator('#refused-form').count()) > 0) return age
      if (page.url() !== `${app}/`) {
        expect(await page.getByRole('alert').textContent()).to.match(/invalid_grant|challenge in the WWW-Authenticate/)
      }
      expect(age, 'asked after the stated age, and let in').to.be.lessThan(maxAgeMs)
    }
  }

  it('are what nauthera doctor finds from within a pod of the server', async () => {
    const doctor = ['nauthera', 'doctor', '--output', 'json']
    const target = ['-n', product.release.namespace, 'exec', 'deploy/nauthera-server', '-c', 'server', '--']
    const { stdout } = await tryKubectl(...target, ...doctor)
    const findings = JSON.parse(stdout) as { check: string; state: string; says: string }[]
    const said = findings.filter(({ check }) => ['mail', 'source ldap'].includes(check)).map(({ says }) => says)
    expect(said.join('\n'), stdout)
      .to.include(`${directory.values.url} lets the account in and knows people`)
      .and.include(`${mailServer.host}:2525 answers, over TLS, the sign-in works, and it takes mail from `)
    // no public authority signed the certificate of the issuer
    expect(findings.find(({ check }) => check === 'issuer')).to.include({ state: 'ok' })
  })

  it('are reached by the servers at the ports that the values name, and at no other', async () => {
    const opened = [
      [directory.host, 1636],
      [mailServer.host, 2525],
    ] as const
    const closed = [
      [directory.host, 1389],
      [mailServer.host, 8080],
    ] as const
    const [pod] = (await product.release.pods('server')).filter(isReady)
    const seen = await connectFrom(pod.metadata.namespace, pod.metadata.name, [...opened, ...closed])
    expect(seen.slice(0, 2)).to.deep.equal(['connected', 'connected'])
    for (const answer of seen.slice(2)) expect(answer).to.not.equal('connected')
    // they answer: others reach them
    const forward = await forwardPort(product.team, driver.pod, 8080)
    for (const [host, port] of closed) expect(await connectThrough(forward.port, host, port)).to.equal(200)
    forward.stop()
  })

  it('lead a person of the directory to the application, until the directory takes the group away', async function () {
    const page = await begin(this)
    await signIn(page, 'grace', password)
    await page.locator('#consent-allow').click()
    await page.locator('#name').waitFor()
    expect(page.url()).to.equal(`${app}/`)
    const claims = await page.getByRole('table', { name: 'Claims of the ID token' }).textContent()
    expect(claims).to.include('grace@example.com').and.to.include(group)
    await page.screenshot({ path: join(screenshots, 'directory.png') })

    const other = await begin(this)
    await signIn(other, 'nils', password)
    await other.locator('#refused-form').waitFor()

    await directory.leave(group, 'grace')
    const age = await whenRefused(page)
    record({ name: 'people.group-removed', value: age / 1000, unit: 's', target: maxAgeMs / 1000 })
    await page.screenshot({ path: join(screenshots, 'refused.png') })
  })

  it('lead a person who forgot the password through a mail to a new one, and back to the application', async function () {
    const page = await begin(this)
    await page.locator('#forgot-password').click()
    await page.locator('#login').fill('ben')
    await page.locator('#forgot').click()
    const mail = await mailServer.mail('ben@example.com', 'Set a new password for Nauthera')
    expect(mail).to.include({ secure: true, user: mailServer.account.username })
    const [link] = new RegExp(`${product.release.issuer}/\\S+`).exec(mail.text) ?? []
    await page.goto(link!)
    await page.locator('#new-password').fill(newPassword)
    await page.locator('#repeat-password').fill(newPassword)
    await page.locator('#set-password').click()
    await page.locator('#go-on').click()
    await signIn(page, 'ben', password)
    expect(await page.locator('#mistake-password, [role=alert]').count()).to.be.greaterThan(0)
    await signIn(page, 'ben', newPassword)
    await page.locator('#consent-allow').click()
    await page.locator('#name').waitFor()
    expect(page.url()).to.equal(`${app}/`)
    await mailServer.mail('ben@example.com', 'Your password for Nauthera was changed')
  })

  it('are signed out of an application in a pod, which is told, when they sign out here', async function () {
    const page = await begin(this)
    await signIn(page, 'ben', newPassword)
    await page.locator('#name').waitFor()
    const here = await page.context().newPage()
    await here.goto(`${product.release.issuer}/logout`)
    await here.locator('#logout-confirm').click()
    await until('the application is told', async () => {
      await page.goto(`${app}/`)
      return (await page.locator('body').textContent())?.includes('You were signed out elsewhere') ?? false
    })
    expect(await page.locator('body').textContent()).to.include('Nobody is signed in')
  })
})

/** From within the container of a server.
 *  @returns 'connected', or what went wrong, for each */
async function connectFrom(
  namespace: string,
  pod: string,
  targets: readonly (readonly [string, number])[],
): Promise<string[]> {
  const program = `
    const { connect } = require('node:net')
    const look = ([host, port]) => new Promise((resolve) => {
      const end = (seen) => (socket.destroy(), resolve(seen))
      const socket = connect({ host, port, timeout: 3000 }, () => end('connected'))
      socket.on('timeout', () => end('no answer')).on('error', ({ code }) => end(code))
    })
    Promise.all(${JSON.stringify(targets)}.map(look)).then((seen) => console.log(JSON.stringify(seen)))`
  const said = await kubectl('-n', namespace, 'exec', pod, '-c', 'server', '--', 'node', '-e', program)
  return JSON.parse(said) as string[]
}
