import { globSync, readFileSync } from 'node:fs'
import { expect } from 'chai'

// One word for one thing: whoever reads a type's name anywhere knows which one it is.

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
