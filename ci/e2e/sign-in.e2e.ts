import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { findChromium } from '@nauthera/local/programs/chromium'
import { password } from '@nauthera/harness/browser'
import { person } from '../faults/support/load/visits.ts'
import { hasGo } from './images/build.ts'
import { whenLoaded } from './later.ts'
import { openClusterBrowser } from './support/browser.ts'
import type { ClusterBrowser } from './support/browser.ts'
import { applyClients } from './support/clients.ts'
import { screenshots } from './support/failure.ts'
import { applyObjects, kubectl, root, until, whenObject } from './support/kubernetes.ts'
import { isReady, restrictedContainer, restrictedPod } from './support/pods.ts'
import { useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { e2eImage, tlsSecret } from './support/release.ts'
import { record } from './support/report.ts'
import { startSampleApp } from './support/sample-app.ts'

// A person in a real browser, the sample application in a pod, the issuer at the name of its Service.

describe('signing in on a real cluster', function () {
  this.timeout(300_000)
  let product: InstalledProduct
  let window: ClusterBrowser
  let app: string

  before(async function () {
    if (findChromium() === undefined) {
      process.stderr.write('no Chromium in the PATH: signing in on the cluster is not tested\n')
      this.skip()
    }
    product = await useProduct()
    const driver = await useDriver()
    app = await startSampleApp(product.team, 'sample', { displayName: 'Sample' })
    window = await openClusterBrowser(product.team, driver)
    await window.whenThere(app)
  })
  after(() => window?.close())

  it('leads from the application to the issuer, through consent, back with the claims, and out again', async () => {
    const { page } = await window.newPage()
    await page.goto(`${app}/`)
    await page.getByRole('link', { name: 'Sign in' }).click()
    expect(page.url()).to.include(`${product.release.issuer}/interaction/`)
    await page.screenshot({ path: join(screenshots, 'sign-in.png') })
    await page.locator('#username').fill(person)
    await page.locator('#password').fill(password)
    await page.locator('#sign-in').click()
    await page.locator('#consent-allow').waitFor()
    await page.screenshot({ path: join(screenshots, 'consent.png') })
    await page.locator('#consent-allow').click()
    await page.locator('#name').waitFor()
    expect(page.url()).to.equal(`${app}/`)
    expect(await page.locator('#name').textContent()).to.equal('Ada')
    const claims = await page.getByRole('table', { name: 'Claims of the ID token' }).textContent()
    expect(claims).to.include(product.release.issuer).and.to.include(`${product.team}.sample`)

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.locator('#logout-confirm').click()
    await page.waitForURL(`${app}/`)
    expect(await page.locator('body').textContent()).to.include('Nobody is signed in')
  })

  it('shows a redirect URI that is not listed in `kubectl get -o wide` within 10 s', async () => {
    const { page } = await window.newPage()
    const mistake = new URL(`${product.release.issuer}/authorize`)
    mistake.search = new URLSearchParams({
      client_id: `${product.team}.sample`,
      response_type: 'code',
      scope: 'openid',
      redirect_uri: 'https://mistake.example.com/callback',
    }).toString()
    const began = performance.now()
    expect((await page.goto(mistake.href))?.status()).to.equal(400)
    const table = () => kubectl('-n', product.team, 'get', 'oidcclient', 'sample', '-o', 'wide')
    await until('the column names the mistake', async () => (await table()).includes('REDIRECT_URI_NOT_LISTED'))
    record({ name: 'refused-redirect.shown', value: (performance.now() - began) / 1000, unit: 's', target: 10 })
    const [head = '', row = ''] = (await table()).split('\n')
    expect(row.slice(head.indexOf('REFUSED'))).to.match(/^REDIRECT_URI_NOT_LISTED\b/)
  })

  it('leads through oauth2-proxy, which knows nothing of the issuer but its Secret, to the page behind it, and out again', async function () {
    if (!hasGo()) {
      process.stderr.write('no Go in the PATH to build oauth2-proxy: it is not tested\n')
      this.skip()
    }
    await whenLoaded('oauth2-proxy')
    const wiki = `https://wiki.${product.team}.svc`
    await startProxiedPage(product.team, wiki)
    const { context, page } = await window.newPage()
    // a pod is Ready a moment before the nodes know that its Service leads there
    const isThere = () =>
      page
        .goto(`${wiki}/ping`)
        .then((answer) => answer?.ok() ?? false)
        .catch(() => false)
    await until('the Service of the page answers', isThere)
    await page.goto(`${wiki}/`)
    expect(page.url()).to.include(`${product.release.issuer}/interaction/`)
    // a second tab, or the browser's request for an icon, must not end the sign-in of the first
    const otherTab = await context.newPage()
    await otherTab.goto(`${wiki}/`)
    await otherTab.close()
    await page.locator('#username').fill(person)
    await page.locator('#password').fill(password)
    await page.locator('#sign-in').click()
    await page.locator('#consent-allow').click()
    await page.waitForURL(`${wiki}/`)
    await page.screenshot({ path: join(screenshots, 'oauth2-proxy.png') })
    expect(await page.locator('body').textContent()).to.equal(`The page of ${person}`)

    const end = new URL(`${product.release.issuer}/logout`)
    end.search = new URLSearchParams({
      client_id: `${product.team}.wiki`,
      post_logout_redirect_uri: `${wiki}/`,
    }).toString()
    await page.goto(`${wiki}/oauth2/sign_out?rd=${encodeURIComponent(end.href)}`)
    await page.locator('#logout-confirm').click()
    // back at the page, which asks for a new sign-in
    await page.locator('#password').waitFor()
    expect(page.url()).to.include(`${product.release.issuer}/interaction/`)
  })
})

/** A page that knows nothing of sign-ins: it shows the name that oauth2-proxy passes on. */
const showWho = `
  import { createServer } from 'node:http'
  createServer((request, response) => {
    response.end('The page of ' + request.headers['x-forwarded-preferred-username'])
  }).listen(3000, '127.0.0.1')`

/** That page behind an oauth2-proxy whose environment is the Secret of its client. */
async function startProxiedPage(namespace: string, origin: string): Promise<void> {
  const { spec } = parse(readFileSync(join(root, 'examples/clients/oauth2-proxy.yaml'), 'utf8')) as { spec: object }
  // our own example, at the address of this page and for everybody
  const here = {
    redirectURIs: [`${origin}/oauth2/callback`],
    postLogoutRedirectURIs: [`${origin}/`],
    access: undefined,
  }
  await applyClients(namespace, { wiki: { ...spec, ...here } })
  const [metadata, labels] = [{ name: 'wiki', namespace }, { app: 'wiki' }]
  const flags = ['--email-domain=*', '--upstream=http://127.0.0.1:3000/', '--skip-provider-button']
  const https = ['--https-address=:8443', '--tls-cert-file=/tls/tls.crt', '--tls-key-file=/tls/tls.key']
  await applyObjects([
    await tlsSecret(namespace, 'wiki-tls', [new URL(origin).hostname]),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ port: 443, targetPort: 8443 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels },
      spec: {
        ...restrictedPod,
        containers: [
          {
            ...restrictedContainer,
            name: 'oauth2-proxy',
            image: e2eImage('oauth2-proxy:7'),
            args: [...flags, ...https, '--http-address=127.0.0.1:4180'],
            envFrom: [{ secretRef: { name: 'wiki-oidc' } }],
            env: [
              { name: 'OAUTH2_PROXY_COOKIE_SECRET', value: 'a-cookie-secret-of-32-characters' },
              { name: 'SSL_CERT_FILE', value: '/ca/ca.crt' },
            ],
            readinessProbe: { httpGet: { path: '/ping', port: 8443, scheme: 'HTTPS' }, periodSeconds: 1 },
            volumeMounts: [
              { name: 'ca', mountPath: '/ca' },
              { name: 'tls', mountPath: '/tls' },
            ],
          },
          {
            ...restrictedContainer,
            name: 'page',
            image: e2eImage('driver:1'),
            args: ['--input-type=module', '--eval', showWho],
          },
        ],
        volumes: [
          { name: 'ca', configMap: { name: 'ca' } },
          { name: 'tls', secret: { secretName: 'wiki-tls', defaultMode: 0o440 } },
        ],
      },
    },
  ])
  await whenObject(`/api/v1/namespaces/${namespace}/pods`, 'wiki', isReady, 30_000)
}
