import { X509Certificate, createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Browser } from 'playwright-core'
import { findChromium, openBrowser } from '@nauthera/local/programs/chromium'
import { password } from '@nauthera/harness/browser'
import { person } from '../faults/support/load/visits.ts'
import { applyClients } from './support/clients.ts'
import { applyObjects, root, startTool, whenObject } from './support/kubernetes.ts'
import { isReady, restrictedContainer, restrictedPod } from './support/pods.ts'
import { useDriver, useProduct } from './support/product.ts'
import type { Product } from './support/product.ts'
import { authority, e2eImage, tlsSecret } from './support/release.ts'

// A person in a real browser, the sample application in a pod, the issuer at the name of its Service. The browser gets its way into
// the cluster by a proxy in the driver's pod, so that names and balancing are those of the cluster.

const screenshots = join(root, '.nauthera/e2e/screenshots')

describe('signing in on a real cluster', function () {
  this.timeout(120_000)
  let product: Product
  let browser: Browser
  let stopForward: () => void
  let app: string

  before(async function () {
    if (findChromium() === undefined) {
      process.stderr.write('no Chromium in the PATH: signing in on the cluster is not tested\n')
      this.skip()
    }
    product = await useProduct()
    const driver = await useDriver()
    app = `https://sample.${product.team}.svc`
    await startSampleApp(product.team, app)
    const forward = await startTool(
      'kubectl',
      ['-n', product.team, 'port-forward', `pod/${driver.pod}`, ':8080'],
      /Forwarding from 127\.0\.0\.1:(\d+)/,
    )
    stopForward = forward.stop
    const { publicKey } = new X509Certificate((await authority).cert)
    const spki = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64')
    browser = await openBrowser({
      proxy: `http://127.0.0.1:${forward.line[1]}`,
      args: [`--ignore-certificate-errors-spki-list=${spki}`],
    })
    mkdirSync(screenshots, { recursive: true })
  })
  after(async () => {
    await browser?.close()
    stopForward?.()
  })

  it('leads from the application to the issuer, through consent, back with the claims, and out again', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
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
    const claims = await page.locator('table').textContent()
    expect(claims).to.include(product.release.issuer).and.to.include(`${product.team}.sample`)

    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.locator('#logout-confirm').click()
    await page.waitForURL(`${app}/`)
    expect(await page.locator('body').textContent()).to.include('Nobody is signed in')
  })
})

/** The application that has nothing but its Secret, at HTTPS. */
async function startSampleApp(namespace: string, origin: string): Promise<void> {
  await applyClients(namespace, {
    sample: {
      type: 'Web',
      displayName: 'Sample',
      redirectURIs: [`${origin}/callback`],
      postLogoutRedirectURIs: [`${origin}/`],
    },
  })
  const [metadata, labels] = [{ name: 'sample', namespace }, { app: 'sample' }]
  await applyObjects([
    await tlsSecret(namespace, 'sample-tls', [new URL(origin).hostname]),
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
            name: 'sample',
            image: e2eImage('driver:1'),
            args: ['/app/sample-app.js', '--host', '0.0.0.0', '--port', '8443', '--secret', '/client', '--tls', '/tls'],
            env: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' }],
            readinessProbe: { httpGet: { path: '/', port: 8443, scheme: 'HTTPS' }, periodSeconds: 1 },
            volumeMounts: [
              { name: 'ca', mountPath: '/ca' },
              { name: 'client', mountPath: '/client' },
              { name: 'tls', mountPath: '/tls' },
            ],
          },
        ],
        volumes: [
          { name: 'ca', configMap: { name: 'ca' } },
          { name: 'client', secret: { secretName: 'sample-oidc' } },
          { name: 'tls', secret: { secretName: 'sample-tls', defaultMode: 0o440 } },
        ],
      },
    },
  ])
  await whenObject(`/api/v1/namespaces/${namespace}/pods`, 'sample', isReady, 30_000)
}
