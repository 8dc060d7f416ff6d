// npm run pages: a picture of each page that a person can meet, for whoever changes a text or the style sheet. They land in
// .nauthera/pages/, and sheet-*.png shows the pages of one language, theme and width beside each other.
// Words choose: `npm run pages -- de dark 390` makes the pictures of this look only, `npm run pages -- account-` those of the pages
// that have this in their name. `branded` shows them with a brand: its logo, colour and name, and a logo of another provider.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBrowser } from '@nauthera/local/programs/chromium'
import { serve, testPages, testTexts } from '../server/test/http/harness.ts'
import { samplePages } from '../server/test/http/sample-pages.ts'
import { answerPage } from '../server/src/http/request/answer.ts'
import { readCommandLine } from './command-line.ts'

const usage = `Usage: npm run pages [-- WORD ...]

Makes a picture of each page that a person can meet, in .nauthera/pages.

  WORD  only these: a language, light, dark, a width (1280, 390, 320), or a part of a page's name, such as account-
        branded shows them with a brand
`

const directory = '.nauthera/pages'
/** As many pages as a person can look at. */
const onSheet = 18
const positionals: readonly string[] = readCommandLine(usage, {}, true).positionals
const isBranded = positionals.includes('branded')
const words = positionals.filter((word) => word !== 'branded')
const widths = [1280, 390, 320]
const lookWords: readonly string[] = [...testTexts.languages, 'light', 'dark', ...widths.map(String)]
const wanted = {
  look: words.filter((word) => lookWords.includes(word)),
  name: words.filter((word) => !lookWords.includes(word)),
}
const names = Object.keys(samplePages).filter(
  (name) => wanted.name.length === 0 || wanted.name.some((word) => name.includes(word)),
)
/** All languages have the same pages; two show how long words and short ones stand. */
const languages = testTexts.languages.filter((tag) => words.includes(tag))
const looks = (languages.length > 0 ? languages : testTexts.languages.slice(0, 2))
  .flatMap((language) =>
    (['light', 'dark'] as const).flatMap((theme) => widths.map((width) => ({ language, theme, width }))),
  )
  .filter(({ language, theme, width }) => wanted.look.every((word) => [language, theme, String(width)].includes(word)))

const brandDirectory = mkdtempSync(join(tmpdir(), 'nauthera-brand-'))
const { pages, assets } = testPages({
  development: true,
  branding: {
    footerLinks: [{ label: 'Help', url: 'https://help.example.com' }],
    helpUrl: 'https://help.example.com/sign-in',
    ...(isBranded
      ? {
          title: 'Example Corp',
          accent: '#0b7a5c',
          logoFile: picture('brand', '<path d="M4 36 24 6l20 30z" fill="#0b7a5c"/>'),
        }
      : {}),
  },
  upstreams: isBranded
    ? [{ id: 'own', logoFile: picture('own', '<circle cx="24" cy="24" r="20" fill="#7a1fa2"/>') }]
    : [],
})
const running = await serve([
  assets.handle,
  (request, response, next) => {
    const page = samplePages[decodeURIComponent(request.path.slice(1))]
    if (page === undefined) return next()
    answerPage(request, response, pages.render(page, request, 'interaction:u1'))
  },
])
const browser = await openBrowser()
try {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  for (const look of looks) await shoot(look)
} finally {
  await browser.close()
  await running.stop()
  rmSync(brandDirectory, { recursive: true })
}
process.stdout.write(`${names.length * looks.length} pictures are in ${directory}\n`)

/** @returns the file */
function picture(name: string, shape: string): string {
  const file = join(brandDirectory, `${name}.svg`)
  writeFileSync(
    file,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" width="48" height="48">${shape}</svg>`,
  )
  return file
}

async function shoot({ language, theme, width }: (typeof looks)[number]): Promise<void> {
  const page = await browser.newPage({ locale: language, colorScheme: theme, viewport: { width, height: 720 } })
  const figures: string[] = []
  for (const name of names) {
    await page.goto(`${running.origin}/${encodeURIComponent(name)}`)
    const file = join(directory, `${name.replaceAll(' ', '-')}.${language}.${theme}.${width}.png`)
    await page.screenshot({ path: file, fullPage: true })
    const title = await page.title()
    const source = `data:image/png;base64,${readFileSync(file).toString('base64')}`
    figures.push(`<figure><figcaption>${name}<br>${title}</figcaption><img src="${source}"></figure>`)
  }
  await page.close()
  for (let at = 0; at < figures.length; at += onSheet) {
    const number = String(at / onSheet + 1).padStart(2, '0')
    const name = `sheet-${language}-${theme}-${width}-${number}`
    await writeSheet(name, width > 640 ? 640 : width, figures.slice(at, at + onSheet))
  }
}

async function writeSheet(name: string, width: number, figures: readonly string[]): Promise<void> {
  const columns = width > 390 ? 3 : 6
  const style = `body { display: grid; grid-template-columns: repeat(${columns}, ${width}px); gap: 16px; font: 14px sans-serif }
    figure { margin: 0 } img { width: ${width}px; border: 1px solid #888 }`
  const page = await browser.newPage({ viewport: { width: columns * (width + 20), height: 720 } })
  await page.setContent(`<style>${style}</style>${figures.join('')}`)
  writeFileSync(join(directory, `${name}.png`), await page.screenshot({ fullPage: true, timeout: 120_000 }))
  await page.close()
}
