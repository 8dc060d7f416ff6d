// The pages of the repository as VitePress wants them: below one folder, with links that lead inside the site.
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { idPages, renderIdPage } from '../test-ids.ts'
import { readContents } from './contents.ts'

/** A group of the menu, as VitePress reads it. */
interface MenuGroup {
  readonly text: string
  readonly items: readonly { readonly text: string; readonly link: string }[]
}

/** @returns the page's place in the site: `docs/adr/README.md` -> `adr/index.md`, `README.md` -> `start.md` */
export function placeOf(page: string): string {
  if (page === 'README.md') return 'start.md'
  if (page === 'docs/README.md') return 'overview.md'
  const place = page.replace(/^docs\//, '').replace(/^charts\/nauthera\//, '')
  const name = /^[A-Z]+\.md$/.test(place) ? place.toLowerCase() : place
  return name.replace(/README\.md$/, 'index.md')
}

/** @param repository the address at which files are shown that are no page, such as `https://example.org/nauthera/blob/main`; without one their
 *    links become text
 *  @returns the text of the page with links that lead to where the pages stand in the site */
export function withLinksOfSite(
  text: string,
  page: string,
  pages: ReadonlySet<string>,
  repository: string | undefined,
): string {
  const here = dirname(placeOf(page))
  return text.replace(
    /(?<image>!?)\[(?<label>(?:[^\]\\]|\\.)*)\]\((?<link>[^)#\s]*)(?<anchor>#[^)\s]*)?\)/g,
    (whole: string, ...args: unknown[]) => {
      const {
        image,
        label,
        link,
        anchor = '',
      } = args.at(-1) as Record<'image' | 'label' | 'link', string> & { anchor?: string }
      if (link === '' || /^[a-z]+:/.test(link)) return whole
      const target = join(dirname(page), link)
      const known = [target, join(target, 'README.md')].find((path) => pages.has(path))
      if (known !== undefined) {
        // the site has no files, so a page is called by its heading
        const text = label === basename(known) || label === known ? titleOf(known) : label
        return `[${text}](${withDot(relative(here, placeOf(known)))}${anchor})`
      }
      if (image) return `![${label}](${withDot(relative(here, placeOf(target)))})`
      return repository === undefined ? label : `[${label}](${repository}/${target}${anchor})`
    },
  )
}

const withDot = (path: string) => (path.startsWith('.') ? path : `./${path}`)

/** @returns a page without its lists of tests, which help only readers who have the files */
export const textOf = (page: string): string =>
  page in idPages ? renderIdPage(readFileSync(page, 'utf8'), new Map()) : readFileSync(page, 'utf8')

/** Writes all pages, their pictures and `menus.json` below a folder. */
export function stage(directory: string, repository: string | undefined): void {
  const pages = new Set(readContents().flatMap((section) => section.pages))
  rmSync(directory, { recursive: true, force: true })
  for (const page of pages) {
    const text = withLinksOfSite(textOf(page), page, pages, repository)
    write(page, repository === undefined ? text : `---\nedit: ${repository}/${page}\n---\n\n${text}`)
  }
  for (const picture of globSync('docs/**/*.{svg,png}')) {
    mkdirSync(dirname(join(directory, placeOf(picture))), { recursive: true })
    cpSync(picture, join(directory, placeOf(picture)))
  }
  cpSync('site/home.md', join(directory, 'index.md'))
  writeFileSync(join(directory, 'menus.json'), JSON.stringify(makeMenus()))

  function write(page: string, text: string) {
    const file = join(directory, placeOf(page))
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}

/** @returns the start of an address -> the menu of its pages */
function makeMenus(): Readonly<Record<string, readonly MenuGroup[]>> {
  const groups = readContents()
  const long = groups.filter(({ folder }) => folder !== undefined)
  const back: MenuGroup = { text: 'Documentation', items: [{ text: 'All sections', link: '/start' }] }
  return {
    '/': groups.map(({ title, folder, pages }) => groupOf(title, folder === undefined ? pages : pages.slice(0, 1))),
    ...Object.fromEntries(long.map(({ title, folder, pages }) => [`/${folder}/`, [back, groupOf(title, pages)]])),
  }
}

const groupOf = (title: string, pages: readonly string[]): MenuGroup => ({
  text: title,
  items: pages.map((page) => ({
    text: titleOf(page) === title ? 'Overview' : titleOf(page),
    link: `/${placeOf(page).replace(/(index)?\.md$/, '')}`,
  })),
})

/** @returns its first heading, as text */
function titleOf(page: string): string {
  if (page === 'README.md') return 'Getting started'
  const [, heading] = /^# (.+)$/m.exec(readFileSync(page, 'utf8')) ?? []
  return (heading ?? basename(page, '.md')).replaceAll('`', '')
}
