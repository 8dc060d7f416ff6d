// What a page gives people to copy: commands and files, each with what the page says of running it.
import { globSync, readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'

/** The tutorials that need a cluster are run by ci/e2e/tutorials.e2e.ts. */
const forLaptops = ['first-client', 'a-secret-rotates-under-load'].map((name) => `docs/tutorials/${name}.md`)

/** It needs a `npm run dev` of its own. */
export const directoryPage = 'docs/tutorials/people-from-a-directory.md'

/** It needs a controller of another product. */
export const fluxPage = 'docs/tutorials/clients-from-git.md'

/** The pages whose blocks are checked, and run at night. */
export const guidePages: readonly string[] = [
  ...globSync('docs/{how-to,concepts}/*.md'),
  ...forLaptops,
  directoryPage,
  fluxPage,
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

/** @returns the commands of a page that a test runs */
export const shellsOf = (page: string): readonly PageBlock[] =>
  blocksOf(page).filter(({ language, notRun }) => language === 'sh' && notRun === undefined)

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
export function commandsOf({ text }: PageBlock): readonly string[] {
  return text
    .replaceAll(/<<'?EOF'?\n[^]*?^EOF$/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
}

interface PageTranscript {
  /** Line of the shell block with the command. */
  readonly after: number
  readonly printed: readonly string[]
}

/** What a page says that a command prints: a text block that begins with `$ `. */
export const transcriptsOf = (blocks: readonly PageBlock[]): readonly PageTranscript[] =>
  blocks.flatMap(({ language, text }, index) => {
    const shell = blocks.slice(0, index).findLast((one) => one.language === 'sh')
    if (language !== 'text' || !text.startsWith('$ ') || shell === undefined) return []
    return [
      {
        after: shell.line,
        printed: text
          .split('\n')
          .slice(1)
          .filter((line) => line !== ''),
      },
    ]
  })

/** @param line what a page prints; `…` stands for what differs each time */
export function lineLike(line: string): RegExp {
  const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.+')}$`, 'm')
}
