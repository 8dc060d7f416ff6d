// The ids that test titles begin with (F13, K9): where they are defined, and which files carry them.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Page -> the letters of the ids that it defines. */
export const idPages: Readonly<Record<string, string>> = {
  'docs/invariants.md': 'IP',
  'docs/faults.md': 'F',
  'docs/threat-model.md': 'ATLE',
  'docs/threat-model-cluster.md': 'K',
}

const id = '[IPFATLEK][1-9][0-9]?'
const anyId = new RegExp(String.raw`(?<![\w./#-])${id}(?![\w-])`, 'g')
const lineWidth = 160

interface Definition {
  readonly id: string
  readonly page: string
  /** The page's own words on why no test carries it. */
  readonly noTest: string | undefined
}

/** @returns every id in a text, each once */
export const idsIn = (text: string): string[] => [...new Set(text.match(anyId))]

/** A line that is nothing but comment, and the end of one after a space: an id in a string stays. */
const comment = /^\s*(?:\/\/|\/\*|\*).*$|\s\/\/\s[^'"`]*$/gm

/** @returns source without its comments: an id that stands in one proves nothing */
export const withoutComments = (source: string): string => source.replaceAll(comment, '')

/** @internal ci/test/ids.test.ts holds them equal to what tests carry
 *  @returns a definition for each paragraph that begins with an id in bold, in the order of the pages */
export function readDefinitions(): Definition[] {
  return Object.keys(idPages).flatMap((page) =>
    paragraphs(readText(page)).flatMap((paragraph) => {
      const name = idOf(paragraph)
      return name === undefined ? [] : [{ id: name, page, noTest: /^No test: (.*)/ms.exec(paragraph)?.[1] }]
    }),
  )
}

/** @returns id -> the files of tests that carry it, sorted */
export function readUses(root = '.'): Map<string, string[]> {
  const uses = new Map<string, string[]>()
  for (const file of testFiles(root)) {
    for (const name of idsIn(withoutComments(readText(join(root, file)))))
      uses.set(name, [...(uses.get(name) ?? []), file])
  }
  return uses
}

/** Every source below a `test` folder, and below those of ci that hold tests. Of ci/test those that run several programs; the others are about the
 *  repository and prove no id. */
export function testFiles(root = '.'): string[] {
  const folders = readdirSync(root)
    .filter((name) => name !== 'ci')
    .map((name) => join(name, 'test'))
  return [...folders, 'ci/faults', 'ci/e2e', 'ci/test']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter(
      (path) => path.endsWith('.ts') && (!path.startsWith('ci/test/') || /\.(integration|properties)\./.test(path)),
    )
    .sort()
}

/** @returns a page with its lists of tests as they are to be */
export function renderIdPage(text: string, uses: ReadonlyMap<string, readonly string[]>): string {
  const rendered = paragraphs(text.trimEnd())
    .map((paragraph) => {
      const name = idOf(paragraph)
      const files = name === undefined ? undefined : uses.get(name)
      if (name === undefined) return paragraph
      const prose = paragraph.replace(/\nTests: .*/s, '')
      return files === undefined
        ? prose
        : `${prose}\n${wrap(`Tests: ${files.map((file) => `\`${file}\``).join(', ')}`)}`
    })
    .join('\n\n')
  return `${rendered}\n`
}

const paragraphs = (text: string): string[] => text.split('\n\n')
const idOf = (paragraph: string): string | undefined => new RegExp(String.raw`^\*\*(${id})\*\* `).exec(paragraph)?.[1]
const readText = (path: string): string => readFileSync(path, 'utf8')

function wrap(text: string): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line !== '' && line.length + 1 + word.length > lineWidth) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.join('\n')
}
