import { X509Certificate, createHash } from 'node:crypto'
import type { BrowserContext, Page } from 'playwright-core'
import type { Driver } from './driver.ts'
import { openWatchedBrowser } from './failure.ts'
import { forwardPort } from './kubernetes.ts'
import { authority } from './release.ts'

/** A real browser that is in the cluster: names and balancing are those of the cluster. */
export interface ClusterBrowser {
  /** Of somebody who has been nowhere yet, without JavaScript. */
  newPage(): Promise<{ context: BrowserContext; page: Page }>
  close(): Promise<void>
}

/** Its way into the cluster is the proxy in the driver's pod.
 *  @param namespace of the driver */
export async function openClusterBrowser(namespace: string, driver: Driver): Promise<ClusterBrowser> {
  const forward = await forwardPort(namespace, driver.pod, 8080)
  const { publicKey } = new X509Certificate((await authority).cert)
  const spki = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
  const browser = await openWatchedBrowser({
    proxy: `http://127.0.0.1:${forward.port}`,
    args: [`--ignore-certificate-errors-spki-list=${spki}`],
  })
  return {
    async newPage() {
      const context = await browser.newContext({ javaScriptEnabled: false })
      const page = await context.newPage()
      page.setDefaultTimeout(15_000)
      return { context, page }
    },
    async close() {
      await browser.close()
      forward.stop()
    },
  }
}
