// Chromium for a suite.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { findChromium, openBrowser } from '@nauthera/local/programs/chromium'

/** Starts Chromium for a suite, or says why the suite could not run and skips it: the one kind of test that may. */
export async function startChromium(suite: Mocha.Context): Promise<Browser> {
  if (findChromium() === undefined) {
    process.stderr.write(
      '    browser tests could not run: there is no Chromium in the PATH (apt-get install chromium)\n',
    )
    return suite.skip()
  }
  return openBrowser()
}

interface Violation {
  id: string
  nodes: { html: string; failureSummary: string }[]
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** Those that see how a page is laid out and coloured. The others read its structure, which is the same in each width and colour scheme. */
const rulesOfLooks = ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable']

/** @param options.look only what can differ between two looks of one page
 *  @param options.styles also reads the style sheets, for the rule that no page wants the screen held one way; it takes as long as all
 *  other rules together
 *  @returns what axe finds on the page as it is now, one line each; empty when all is well */
export async function findAxeViolations(
  page: Page,
  options: { styles?: boolean; look?: boolean } = {},
): Promise<string[]> {
  if (!(await page.evaluate<boolean>('typeof axe === "object"'))) await page.evaluate(axeSource)
  const runOnly = options.look === true ? { type: 'rule', values: rulesOfLooks } : rules
  const asked = { runOnly, resultTypes: ['violations'], preload: options.styles ?? false }
  const violations = await page.evaluate<Violation[]>(
    `axe.run(document, ${JSON.stringify(asked)}).then(({ violations }) => violations)`,
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}

/** Collects the errors of a page (blocked by its Content-Security-Policy, or thrown) and its requests to other origins. */
export function watchPage(page: Page, origin: string): { complaints: string[]; strangers: string[] } {
  const seen = { complaints: [] as string[], strangers: [] as string[] }
  page.on('console', (message) => {
    // Chromium reports the status of an error page as an error; it is none
    if (!message.text().startsWith('Failed to load resource')) seen.complaints.push(message.text())
  })
  page.on('pageerror', (error) => seen.complaints.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) seen.strangers.push(request.url())
  })
  return seen
}
