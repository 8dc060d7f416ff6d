import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  idPages,
  idsIn,
  readDefinitions,
  readUses,
  renderIdPage,
  testFiles,
  withoutComments,
} from '../../scripts/test-ids.ts'

/** Not ours to read: installed, built, or written by a program. */
const skipped = /^(\.git|\.nauthera|node_modules|coverage|\.coverage|snapshots|generated|package-lock\.json|go\.sum)$/
const prose = /\.(ts|mjs|md|yaml|tpl|sh|txt|sql|eta|proto)$/

/** Every source and page, below a folder. */
function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !skipped.test(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? sourcesBelow(path) : prose.test(path) ? [path] : []
    })
}

describe('the ids of tests', () => {
  const definitions = readDefinitions()
  const uses = readUses()
  const defined = new Map(definitions.map((one) => [one.id, one]))

  it('are defined once each, on the page of their letter', () => {
    const again = definitions.filter((one) => defined.get(one.id) !== one)
    const misplaced = definitions.filter(({ id, page }) => !idPages[page]!.includes(id[0]!))
    expect([...again, ...misplaced]).to.deep.equal([])
  })

  it('are defined wherever something in the repository names one', () => {
    const unknown = sourcesBelow('.')
      .filter((path) => !path.startsWith('ci/test/'))
      .flatMap((path) =>
        idsIn(readFileSync(path, 'utf8'))
          .filter((id) => !defined.has(id))
          .map((id) => `${id} in ${path}`),
      )
    expect(unknown).to.deep.equal([])
  })

  it('have a test, or say why there is none', () => {
    const silent = definitions.filter(({ id, noTest }) => !uses.has(id) && (noTest ?? '').length < 10)
    expect(silent.map(({ id }) => id)).to.deep.equal([])
  })

  it('are not marked as untested when a test carries them', () => {
    const wrong = definitions.filter(({ id, noTest }) => uses.has(id) && noTest !== undefined)
    expect(wrong.map(({ id }) => id)).to.deep.equal([])
  })

  it('name the files that carry them', () => {
    for (const page of Object.keys(idPages)) {
      const text = readFileSync(page, 'utf8')
      expect(text, `${page}: npm run generate`).to.equal(renderIdPage(text, uses))
    }
  })

  it('are looked for in every folder of tests', () => {
    const folders = new Set(testFiles().map((path) => path.split('/').slice(0, 2).join('/')))
    expect([...folders]).to.include.members(['server/test', 'operator/test', 'charts/test', 'ci/faults', 'ci/e2e'])
    expect([...uses.values()].flat().length).to.be.greaterThan(200)
  })
})

describe('renderIdPage', () => {
  const page = (...paragraphs: string[]) => `${paragraphs.join('\n\n')}\n`

  it('writes the files below a definition, and replaces them when they change', () => {
    const text = page('# Faults', '**F1** It breaks.\nIt heals.', 'More.')
    const once = renderIdPage(text, new Map([['F1', ['a.test.ts']]]))
    expect(once).to.equal(page('# Faults', '**F1** It breaks.\nIt heals.\nTests: `a.test.ts`', 'More.'))
    const twice = renderIdPage(once, new Map([['F1', ['b.test.ts', 'c.test.ts']]]))
    expect(twice).to.equal(page('# Faults', '**F1** It breaks.\nIt heals.\nTests: `b.test.ts`, `c.test.ts`', 'More.'))
  })

  it('removes the line when no test carries the id any more', () => {
    expect(renderIdPage(page('**F1** It breaks.\nTests: `a.test.ts`'), new Map())).to.equal(page('**F1** It breaks.'))
  })

  it('keeps the reason why there is no test', () => {
    const text = page('**F1** It breaks.\nNo test: not built yet.')
    expect(renderIdPage(text, new Map())).to.equal(text)
  })

  it('breaks a long line between two files', () => {
    const files = Array.from({ length: 9 }, (_, index) => `server/test/folder/some-file-${index}.test.ts`)
    const lines = renderIdPage(page('**F1** It breaks.'), new Map([['F1', files]])).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(160)
    expect(lines.length).to.be.greaterThan(3)
  })
})

describe('idsIn', () => {
  for (const [sentence, text, ids] of [
    ['reads them from a title', 'F13 F39 keeps the server', ['F13', 'F39']],
    ['reads each once', '`A6 one`, `A6 two`', ['A6']],
    ['takes no part of a word, a path, a number or a name for one', 'P-256 AF13 F130 x/A1 #E5 A1-b A_1 v.T1', []],
    ['reads none with a leading zero', 'F01 I0', []],
  ] as const) {
    it(sentence, () => expect(idsIn(text)).to.deep.equal(ids))
  }
})

describe('withoutComments', () => {
  for (const [sentence, text, ids] of [
    ['keeps an id in a title', "it('A6 one code', () => {", ['A6']],
    ['keeps one in a title that has slashes', "it('A6 asks http://host // twice', () => {", ['A6']],
    ['takes one out of a line of comment', '// as A6 says\nA7', ['A7']],
    ['takes one out of the end of a line', 'expect(found) // as A6 says', []],
    ['takes one out of a doc comment', '/** As A6 says,\n *  and A7. */\nA8', ['A8']],
  ] as const) {
    it(sentence, () => expect(idsIn(withoutComments(text))).to.deep.equal(ids))
  }
})
