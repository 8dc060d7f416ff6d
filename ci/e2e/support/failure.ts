// What there was to see when a test failed. A page is gone when the test has ended: nobody can look later.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { openBrowser } from '@nauthera/local/programs/chromium'
import { get, kubectl, root } from './kubernetes.ts'

export const screenshots = join(root, '.nauthera/e2e/screenshots')

const browsers = new Set<Browser>()

/** Of each browser that is opened here, a test that fails tells what its pages showed. */
export async function openWatchedBrowser(options: Parameters<typeof openBrowser>[0]): Promise<Browser> {
  const browser = await openBrowser(options)
  mkdirSync(screenshots, { recursive: true })
  browsers.add(browser)
  browser.once('disconnected', () => browsers.delete(browser))
  return browser
}

/** Pages of earlier tests are open too: the newest come first. */
const pagesAtMost = 3
const textAtMost = 2000
const linesAtMost = 20
const lineAtMost = 400

/** @param title of the test
 *  @returns what to print; nothing when there is no page: then the test itself says what it saw */
export async function describeFailure(title: string): Promise<string> {
  const pages = [...browsers].flatMap((browser) => browser.contexts().flatMap((context) => context.pages()))
  if (pages.length === 0) return ''
  const name = title.replaceAll(/\W+/g, '-').slice(0, 60)
  const shown = pages
    .toReversed()
    .slice(0, pagesAtMost)
    .map((page, index) => describePage(page, join(screenshots, `failed-${name}-${index}.png`)))
  return (await Promise.all([...shown, describeServers()])).join('\n')
}

/** A page may hang, or show an error of the browser itself, which has no text: what can be had of it is told. */
async function describePage(page: Page, path: string): Promise<string> {
  const orWhy = (what: Promise<unknown>) => what.catch((error: unknown) => `(${String(error).split('\n', 1)[0]})`)
  const [title, text, saved] = await Promise.all([
    orWhy(page.title()),
    orWhy(page.locator('body').innerText({ timeout: 5_000 })),
    orWhy(page.screenshot({ path, timeout: 5_000 }).then(() => path)),
  ])
  return [
    `page ${page.url()}`,
    `title ${String(title)}`,
    `screenshot ${String(saved)}`,
    String(text).slice(0, textAtMost),
  ].join('\n')
}

/** Also those that are going. */
async function describeServers(): Promise<string> {
  const about = { labelSelector: 'app.kubernetes.io/component=server' }
  const { items } = (await get('/api/v1/pods', about).catch(() => ({ items: [] }))) as {
    items: { metadata: { namespace: string; name: string; deletionTimestamp?: string } }[]
  }
  const logs = items.map(async ({ metadata: { namespace, name, deletionTimestamp } }) => {
    const target = ['-n', namespace, name, '-c', 'server', `--tail=${linesAtMost}`]
    const said = await kubectl('logs', ...target).catch((error: unknown) => String(error))
    const lines = said
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(0, lineAtMost))
    return [`log of ${namespace}/${name}${deletionTimestamp === undefined ? '' : ', which is going'}`, ...lines].join(
      '\n',
    )
  })
  return (await Promise.all(logs)).join('\n')
}
