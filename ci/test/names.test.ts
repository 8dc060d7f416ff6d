import { globSync, readFileSync } from 'node:fs'
import { expect } from 'chai'

// One word for one thing: whoever reads a name anywhere knows which type it is, and what a function does.

const sources = globSync('**/*.ts', {
  exclude: (path) => /(^|\/)(node_modules|generated|\.nauthera|coverage)$/.test(path),
})

describe('the exported types', () => {
  it('have a name each, in the whole repository', () => {
    const exported = sources.flatMap((file) =>
      [
        ...readFileSync(file, 'utf8').matchAll(/^export (?:declare )?(?:abstract )?(?:interface|type|class) (\w+)/gm),
      ].map(([, name]) => ({ name: name!, file })),
    )
    const shared = [...Map.groupBy(exported, ({ name }) => name)].filter(
      ([, all]) => new Set(all.map(({ file }) => file)).size > 1,
    )
    expect(shared.map(([name, all]) => `${name}: ${all.map(({ file }) => file).join(', ')}`)).to.deep.equal([])
  })
})

/** Rows of the table of verbs in docs/glossary.md. */
const rows = [
  ...readFileSync('docs/glossary.md', 'utf8').matchAll(/^\| ([a-z, ]+) \| [^|]+ \| ([a-z, ]*) ?\| ([a-z, ]*) ?\|$/gm),
].map(([, verbs, opposites, not]) => ({ verbs: verbs!, opposites: opposites!, not: not! }))
const words = (cell: string) => cell.split(',').map((word) => word.trim())
const instead = new Map(
  [
    ...Map.groupBy(
      rows.flatMap(({ verbs, not }) =>
        words(not)
          .filter(Boolean)
          .map((word) => ({ word, verbs })),
      ),
      ({ word }) => word,
    ),
  ].map(([word, all]) => [word, all.map(({ verbs }) => verbs).join(', ')]),
)

interface Named {
  readonly name: string
  readonly at: string
}

/** The exported functions of a file, and the methods of its exported interfaces. */
function namesIn(file: string): readonly Named[] {
  const text = readFileSync(file, 'utf8')
  const functions = text.matchAll(/^export (?:async )?function\*? ?(\w+)|^export const (\w+) =\s+(?:async )?[(<]/gm)
  const interfaces = [...text.matchAll(/^export interface (\w+)[^{]*\{\n([^]*?)\n\}$/gm)]
  return [
    ...[...functions].map(([, one, other]) => ({ name: (one ?? other)!, at: file })),
    ...interfaces.flatMap(([, owner, body]) =>
      [...body!.matchAll(/^ {2}(\w+)\??[(<]/gm)].map(([, name]) => ({ name: name!, at: `${file}, ${owner}` })),
    ),
  ]
}

describe('the exported functions and the methods of interfaces', () => {
  it('begin with no word that gives way to a verb of the glossary', () => {
    const shipped = sources.filter((file) => /^(server|operator|config-agent|proto|runtime|rules)\/src\//.test(file))
    const wrong = shipped.flatMap(namesIn).flatMap(({ name, at }) => {
      const verb = instead.get(/^[a-z]+/.exec(name)?.[0] ?? '')
      return verb === undefined ? [] : [`${name} (${at}): take "${verb}", see docs/glossary.md`]
    })
    expect(instead.size).to.be.greaterThan(15)
    expect(wrong).to.deep.equal([])
  })
})
