import { X509Certificate, createHash } from 'node:crypto'
import { request as requestHttp } from 'node:http'
import type { BrowserContext, Page } from 'playwright-core'
import type { Driver } from './driver.ts'
import { openWatchedBrowser } from './failure.ts'
import { forwardPort, until } from './kubernetes.ts'
import { authority } from './release.ts'

/** A real browser that is in the cluster: names and balancing are those of the cluster. */
export interface ClusterBrowser {
  /** Of somebody who has been nowhere yet, without JavaScript. */
  newPage(): Promise<{ context: BrowserContext; page: Page }>
  /** Waits for the Service of an application: after a restart of the API server a name and its way are known later than its pod is ready. */
  whenThere(origin: string): Promise<void>
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
    async whenThere(origin) {
      const { hostname } = new URL(origin)
      // the proxy hangs up when it cannot get there
      const isThere = async () => (await connectThrough(forward.port, hostname, 443).catch(() => 0)) === 200
      await until(`${origin} is there`, isThere, 120_000)
    },
    async close() {
      await browser.close()
      forward.stop()
    },
  }
}

/** From the driver's pod, by its proxy.
 *  @returns the status that the proxy gives */
export const connectThrough = (proxyPort: number, host: string, port: number): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    requestHttp({ host: '127.0.0.1', port: proxyPort, method: 'CONNECT', path: `${host}:${port}` })
      .on('connect', (answer, socket) => {
        socket.destroy()
        resolve(answer.statusCode)
      })
      .on('error', reject)
      .end()
  })
