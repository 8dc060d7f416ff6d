// The pages of docs/integrations, one for each program: what they say in their table, and the index that lists them.
import { readFileSync, readdirSync } from 'node:fs'

export interface Integration {
  /** The file, without its folder and ending. */
  readonly name: string
  readonly title: string
  readonly version: string
  readonly checked: string
  readonly preset: string
  readonly callback: string
  readonly pkce: string
  readonly text: string
}

const folder = 'docs/integrations'

/** The manners of a check, the surest first, with what each means. */
export const manners = {
  'run with sign-in': 'a test runs the program: a person, or a machine, signs in',
  'configuration parsed': "a test gives the configuration to the program's own parser or schema; nobody signs in",
  'by documentation': "every name is from the program's documentation or source; we did not run it",
} as const

/** @returns the pages by their title @throws Error for a page without its table */
export function readIntegrations(): Integration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.md') && file !== 'README.md')
    .map(readIntegration)
    .toSorted((one, other) => one.title.localeCompare(other.title, 'en'))
}

function readIntegration(file: string): Integration {
  const text = readFileSync(`${folder}/${file}`, 'utf8')
  const found = /^# (.+)\n\n\| Version \| Checked \| Preset \| Callback \| PKCE \|\n\|(?:---\|){5}\n\|(.+)\|\n/.exec(
    text,
  )
  if (found === null) throw new Error(`${folder}/${file} must begin with its title and its table`)
  const [version, checked, preset, callback, pkce, ...others] = found[2]!.split('|').map((cell) => cell.trim())
  if (pkce === undefined || others.length > 0) throw new Error(`${folder}/${file}: its table must have five cells`)
  return {
    name: file.slice(0, -'.md'.length),
    title: found[1]!,
    version: version!,
    checked: checked!,
    preset: preset!,
    callback: callback!,
    pkce,
    text,
  }
}

/** @returns the index with the lists of the pages that are there */
export function renderIntegrationIndex(page: string): string {
  const pages = readIntegrations()
  const rows = pages.map(
    ({ name, title, version, checked, preset, callback, pkce }) =>
      `| [${title}](${name}.md) | ${version} | ${checked} | ${preset} | ${callback} | ${pkce} |`,
  )
  const counts = Object.entries(manners).map(
    ([manner, meaning]) => `| ${manner} | ${meaning} | ${pages.filter(({ checked }) => checked === manner).length} |`,
  )
  const lists = [
    '| Checked | Means | Pages |',
    '|---|---|---|',
    ...counts,
    '',
    '| Program | Version | Checked | Preset | Callback | PKCE |',
    '|---|---|---|---|---|---|',
    ...rows,
  ]
  return page.replace(/(<!-- lists -->\n)[^]*?(\n<!-- end -->)/, (_, start: string, end: string) =>
    [start, ...lists, end].join('\n'),
  )
}
