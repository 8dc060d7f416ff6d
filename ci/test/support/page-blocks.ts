// What a page gives people to copy: commands and files, each with what the page says of running it.
import { globSync, readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'

const forLaptops = ['first-client', 'a-secret-rotates-under-load'].map((name) => `docs/tutorials/${name}.md`)

/** It needs a `npm run dev` of its own. */
export const directoryPage = 'docs/tutorials/people-from-a-directory.md'

/** It needs a controller of another product. */
export const fluxPage = 'docs/tutorials/clients-from-git.md'

/** The pages whose blocks of all kinds are checked. */
export const guidePages: readonly string[] = [
  ...globSync('docs/{how-to,concepts}/*.md'),
  ...forLaptops,
  directoryPage,
  fluxPage,
].sort()

/** Every page for people: its commands are run at night, but for those with a reason above them. */
export const allPages: readonly string[] = globSync(
  ['*.md', '{docs,charts,examples,ci,site,server,operator,stand-in,local}/**/*.md'],
  { exclude: ['STYLE.md', '**/node_modules/**', 'site/{pages,dist}/**'] },
).sort()

/** Pages whose commands another test takes from them, with its file. */
export const readByOthers: Readonly<Record<string, string>> = {
  'README.md': 'ci/test/guides.nightly.test.ts',
  'docs/tutorials/a-cluster-in-five-minutes.md': 'ci/e2e/tutorials.e2e.ts',
  'docs/tutorials/an-api-of-another-team.md': 'ci/e2e/tutorials.e2e.ts',
  'docs/tutorials/a-pod-without-a-secret.md': 'ci/e2e/tutorials.e2e.ts',
  'docs/tutorials/a-policy-that-catches-a-mistake.md': 'ci/e2e/tutorials.e2e.ts',
  'docs/tutorials/two-clusters.md': 'ci/e2e/spoke.e2e.ts',
  [directoryPage]: 'ci/test/guides.nightly.test.ts',
  [fluxPage]: 'ci/test/clients-from-git.nightly.test.ts',
}

/** For people on call: what they copy stands in sentences, and is checked like blocks of the guides. */
export const operationPages: readonly string[] = [
  ...globSync('docs/runbooks/*.md'),
  ...['alerts', 'backup', 'database', 'hardening', 'keys', 'sizing', 'traces'].map((name) => `docs/${name}.md`),
].sort()

export interface PageBlock {
  readonly page: string
  readonly line: number
  readonly language: string
  readonly text: string
  /** Why `npm run nightly` does not run it, from a comment above it: `<!-- not run: it needs a registry -->`. */
  readonly notRun: string | undefined
}

/** The fenced blocks of a page, in their order. */
export function blocksOf(page: string): readonly PageBlock[] {
  const text = readFileSync(page, 'utf8')
  const fences = text.matchAll(/(?:<!-- not run: ([^>]*?) -->\n+)?^( *)```(\w+)\n([^]*?)^ *```$/gm)
  return [...fences].map((match) => {
    const [, notRun, indent = '', language, body] = match
    return {
      page,
      line: text.slice(0, match.index).split('\n').length,
      language: language!,
      text: body!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      notRun,
    }
  })
}

/** @returns the blocks of commands: those alone, and those after `$ ` with what they print */
export const isShell = ({ language }: PageBlock): boolean => language === 'sh' || language === 'console'

/** What stands between backticks in the sentences and tables of a page. */
export function spansOf(page: string): readonly PageBlock[] {
  const sentences = readFileSync(page, 'utf8').replaceAll(/^ *```[^]*?^ *```$/gm, (block) =>
    block.replaceAll(/[^\n]/g, ''),
  )
  return [...sentences.matchAll(/`([^`\n]+)`/g)].map(({ 1: text = '', index }) => {
    const line = sentences.slice(0, index).split('\n').length
    return { page, line, language: 'span', text: text.replaceAll(String.raw`\|`, '|'), notRun: undefined }
  })
}

/** @returns the commands of a page that a test runs */
export const shellsOf = (page: string): readonly PageBlock[] =>
  blocksOf(page).filter((block) => isShell(block) && block.notRun === undefined)

/** @returns what a shell gets of a block */
export const typedIn = ({ language, text }: PageBlock): string =>
  language === 'console' ? [...text.matchAll(/^\$ (.+)$/gm)].map(([, command]) => command!).join('\n') : text

export interface PageManifest {
  readonly at: string
  readonly object: { readonly kind?: string; readonly apiVersion?: string; readonly spec?: unknown }
}

/** The objects in the blocks of a page: those of YAML, and those that a command reads from a here document.
 *  @throws Error of the parser for a text that is no YAML */
export function manifestsOf(blocks: readonly PageBlock[]): readonly PageManifest[] {
  return blocks.flatMap(({ page, line, language, text }) => {
    const texts =
      language === 'yaml' ? [text] : [...text.matchAll(/<<'EOF'\n([^]*?)^EOF$/gm)].map(([, document]) => document!)
    return texts.flatMap((one) =>
      parseAllDocuments(one).map((document) => {
        if (document.errors.length > 0) throw new Error(`${page}:${line}: ${document.errors[0]!.message}`)
        return { at: `${page}:${line}`, object: (document.toJS() ?? {}) as PageManifest['object'] }
      }),
    )
  })
}

/** The commands of a shell block, each on one line, without comments and here documents. */
export function commandsOf(block: PageBlock): readonly string[] {
  return typedIn(block)
    .replaceAll(/<<'?EOF'?\n[^]*?^EOF$/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
}

interface PageTranscript {
  /** Line of the shell block with the command. */
  readonly after: number
  readonly printed: readonly RegExp[]
}

/** What a page says that its commands print: a text block that begins with `$ `, or the rest of a console block. */
export const transcriptsOf = (blocks: readonly PageBlock[]): readonly PageTranscript[] =>
  blocks.flatMap((block, index) => {
    if (block.language === 'console') return [{ after: block.line, printed: linesOf(block).map(lineWithOtherFigures) }]
    const shell = blocks.slice(0, index).findLast(({ language }) => language === 'sh')
    if (block.language !== 'text' || !block.text.startsWith('$ ') || shell === undefined) return []
    return [{ after: shell.line, printed: linesOf(block).map(lineLike) }]
  })

const linesOf = ({ text }: PageBlock) =>
  text.split('\n').filter((line) => line !== '' && line !== '...' && !line.startsWith('$ '))

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

/** @param line what a page prints; `…` stands for what differs each time */
export const lineLike = (line: string): RegExp => new RegExp(`^${line.split('…').map(escaped).join('.+')}$`, 'm')

/** @param line what a page prints, where ids, figures, times, passwords and the width of columns differ each time */
function lineWithOtherFigures(line: string): RegExp {
  const parts = line.split(/(\b[0-9a-f]{8}\b|\d[\d.,:TZ-]*\d[smhdZ]?\b|\d|(?<=password )\S+| {2,})/)
  const likes = parts.map((part, index) => {
    if (index % 2 === 0) return escaped(part)
    return part.startsWith(' ') ? ' +' : String.raw`\S+`
  })
  return new RegExp(`^${likes.join('')}$`, 'm')
}
