// docs/tree.md: every folder of the sources with what it is for, every file with the first sentence that it says about itself, and the doors of libraries and of the network.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { doors, waysOut } from '../oxlint.config.ts'
import { folders } from './tree/folders.ts'

const longest = 140

export function renderTree(): { path: string; content: string } {
  const files = globSync('{*/src,scripts,ci}/**/*.{ts,mjs}', {
    exclude: ['**/node_modules/**', '**/generated/**', '{scripts,ci}/test/**'],
  })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !/\.(test|e2e)\.ts$/.test(path))
    .sort()
  const used = new Set([...Object.keys(folders), ...files.map((file) => dirname(file))])
  const silent = [...used].filter((folder) => folders[folder] === undefined)
  if (silent.length > 0) throw new Error(`scripts/tree/folders.ts does not say what ${silent.join(', ')} is for`)
  const gone = Object.keys(folders).filter((folder) => !existsSync(folder))
  if (gone.length > 0) throw new Error(`scripts/tree/folders.ts names ${gone.join(', ')}, which is not there`)
  const buried = files.filter((file) => isBuried(readFileSync(file, 'utf8')))
  if (buried.length > 0) throw new Error(`the first comment belongs above the imports: ${buried.join(', ')}`)
  const sections = [...used].sort().map((folder) => {
    const lines = linesOf(files.filter((file) => dirname(file) === folder))
    return `**\`${folder}/\`** ${folders[folder]}\n${lines === '' ? '' : `\n${lines}\n`}`
  })
  return {
    path: 'docs/tree.md',
    content: `${head}\n${doorTable()}\n${wayOutTable()}\n## Folders and files\n\n${sections.join('\n')}`,
  }
}

const head = `# The tree

<!-- Written by "npm run generate" from scripts/tree/folders.ts, from the first comment of each file, and from oxlint.config.ts. -->

Where everything is. \`main\`, \`app\`, \`settings\` and \`errors\` (its codes) are the same in every process. The test of \`server/src/http/pages/pages.ts\` is
\`server/test/http/pages/pages.test.ts\` (or \`.integration\`, \`.properties\`). About half of the files have no test of their name: \`ci/test/tested-elsewhere.ts\` lists the tests that prove them.
\`npm test -- --near FILE\` runs the tests of a file, wherever they are.
`

const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ')

function doorTable(): string {
  const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] }
  const installed = ['.', ...workspaces].flatMap((folder) => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as {
      dependencies?: Record<string, string>
      devDependencies?: Record<string, string>
    }
    return Object.keys({ ...dependencies, ...devDependencies })
  })
  const rows = Object.entries(doors).map(([regex, files]) => {
    const names = [...new Set(installed)].filter((name) => new RegExp(regex).test(name)).sort()
    return `| ${code(names)} | ${code(files.map((file) => file.replace(/\*\*$/, '')))} |`
  })
  return `## The one door of each library

Lint holds it; tests, \`scripts\` and \`ci\` are free.

| Library | Door |
|---|---|
${rows.join('\n')}
`
}

function wayOutTable(): string {
  const rows = Object.entries(waysOut).map(
    ([file, { by, to }]) => `| ${code([file.replace(/\*\*$/, '')])} | ${code(by)} | ${to} |`,
  )
  return `## The doors to the network

Nothing else opens a connection, looks up a name or starts a program, and nobody uses the global \`fetch\`: lint holds it. What stands in the middle is modules of
Node, or a library that connects by itself.

| Door | With | To |
|---|---|---|
${rows.join('\n')}
`
}

/** A line for each file that says what it is; those that do not share one. */
function linesOf(files: readonly string[]): string {
  const said = files.map((file) => ({
    name: basename(file).replace(/\.ts$/, ''),
    text: firstSentence(file, readFileSync(file, 'utf8')),
  }))
  const silent = said.filter(({ text }) => text === undefined).map(({ name }) => `\`${name}\``)
  return [
    ...said.filter(({ text }) => text !== undefined).map(({ name, text }) => `- \`${name}\`: ${text}`),
    ...(silent.length > 0 ? [`- ${silent.join(', ')}`] : []),
  ].join('\n')
}

/** @returns the first sentence of the comment at the top of a file, else of that of what the file is named after, else of that of its first function or class */
export function firstSentence(path: string, text: string): string | undefined {
  const name = basename(path).replace(/\.\w+$/, '')
  const kinds = 'function|class|const|interface|type'
  const comment = atTop(text) ?? ofExport(text, kinds, exportedAs(name)) ?? ''
  return sentenceOf(comment)
}

/** `push-shards` -> `PushShards` */
const pascal = (name: string) => name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
/** What an export of that name may be called. */
const exportedAs = (name: string) =>
  `(?:${pascal(name)}|create${pascal(name)}|${pascal(name)[0]!.toLowerCase()}${pascal(name).slice(1)})`

/** Whether what a file says of itself stands below its imports, where nobody looks first. */
export const isBuried = (text: string): boolean =>
  atTop(text) === undefined && /^import [^]*? from '.*'\n\n(\/\/.*\n)+\n/.test(text)

/** The lines of `//` before any code. */
function atTop(text: string): string | undefined {
  const lines = text.replace(/^#!.*\n/, '').split('\n')
  const end = lines.findIndex((line) => !line.startsWith('//'))
  return end > 0
    ? lines
        .slice(0, end)
        .join(' ')
        .replace(/(^| )\/\/ ?/g, ' ')
    : undefined
}

function ofExport(text: string, kinds: string, names: string): string | undefined {
  const comment = String.raw`/\*\*((?:(?!\*/)[\s\S])*)\*/\n`
  const found = new RegExp(`${comment}export (?:default |async |abstract )*(?:${kinds}) ${names}\\b`).exec(text)
  return found?.[1]?.replace(/\n *\*/g, ' ')
}

function sentenceOf(comment: string): string | undefined {
  const plain = comment
    .replace(/\s+/g, ' ')
    .trim()
    .split(/ ?@\w+ /)[0]!
  const [first = '', second = ''] = plain.split(/(?<=[^.]{2}\.) (?=[A-Z`])/)
  const said = (first.length < 20 ? `${first} ${second}` : first).trim().replace(/\.$/, '')
  if (said.length <= longest) return said === '' ? undefined : said
  const ends = [...said.slice(0, longest).matchAll(/[,:;]? \(|[:;,] /g)].map(({ index }) => index)
  return said.slice(0, ends.findLast((end) => end > 40) ?? longest)
}
