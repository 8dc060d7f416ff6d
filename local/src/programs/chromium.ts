import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

/** @returns the path of the machine's Chromium, or of the program that `NAUTHERA_CHROMIUM` names; undefined when there is none */
export function findChromium(): string | undefined {
  const named = process.env['NAUTHERA_CHROMIUM']
  if (named !== undefined) return named
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  for (const directory of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin']) {
    for (const name of names) {
      const path = join(directory, name)
      try {
        accessSync(path, constants.X_OK)
        return path
      } catch {
        // not there
      }
    }
  }
  return undefined
}

/** Features that Chromium runs without. The first are those of Playwright, whose list this replaces. The others cost a test half of its time:
 *  two hidden pages of the address bar for each window, a spare renderer, and a new frame for each address. */
const withoutFeatures = [
  'AimEnabled',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
  'ThirdPartyStoragePartitioning',
  'WebUIOmniboxAimPopup',
  'WebUIOmniboxPopup',
  'SpareRendererForSitePerProcess',
  'RenderDocument',
].join(',')

/** @param options.proxy where it asks for everything, such as http://127.0.0.1:8080
 *  @throws Error when the machine has no Chromium */
export async function openBrowser(options: { proxy?: string; args?: readonly string[] } = {}): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error('there is no Chromium in the PATH')
  // the sandbox of Chromium refuses to run for root
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const args = [...sandbox, `--disable-features=${withoutFeatures}`, ...(options.args ?? [])]
  const proxy = options.proxy === undefined ? {} : { proxy: { server: options.proxy } }
  return chromium.launch({ executablePath, args, ...proxy, timeout: 30_000 })
}
