// What a browser says about itself (User-Agent), in the few words by which a person knows their own device. A guess that is wrong costs
// nothing: it is only shown.

/** The first that is found counts: many browsers also name those that they resemble. */
const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bOPR\/|\bOpera\b/, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bVersion\/.*\bSafari\//, 'Safari'],
]

const systems: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

export interface DescribedAgent {
  readonly browser: string | undefined
  readonly system: string | undefined
}

export function describeAgent(agent: string | undefined): DescribedAgent {
  const first = (names: typeof browsers) => names.find(([pattern]) => pattern.test(agent ?? ''))?.[1]
  return { browser: first(browsers), system: first(systems) }
}
