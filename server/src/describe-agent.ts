// What a browser says about itself (User-Agent), in the few words by which a person knows their own device. A guess that is wrong costs
// nothing: it is only shown. What is shown is a word of these lists, never text of the request: anybody can ask for a mail to anybody.
import { isIP } from 'node:net'

/** The first that is found counts: many browsers also name those that they resemble. */
const browsers = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bOPR\/|\bOpera\b/, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bVersion\/.*\bSafari\//, 'Safari'],
] as const

const systems = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
] as const

export interface DescribedAgent {
  readonly browser: (typeof browsers)[number][1] | undefined
  readonly system: (typeof systems)[number][1] | undefined
}

export function describeAgent(agent = ''): DescribedAgent {
  return {
    browser: browsers.find(([pattern]) => pattern.test(agent))?.[1],
    system: systems.find(([pattern]) => pattern.test(agent))?.[1],
  }
}

/** Where a request came from, in words of ours: whoever sends it chooses none of them. */
export interface AskedFrom {
  readonly address?: string | undefined
  readonly device: DescribedAgent
}

/** What a mail may say of the request that it is about. */
export const askedFrom = (request: {
  readonly address?: string | undefined
  readonly agent?: string | undefined
}): AskedFrom => ({
  address: isIP(request.address ?? '') === 0 ? undefined : request.address,
  device: describeAgent(request.agent),
})
