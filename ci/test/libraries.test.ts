import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'chai'

// docs/libraries.md says of each library that runs beside the product what it is trusted with, and which test holds it there.

const parts = ['server', 'operator', 'config-agent', 'proto', 'rules', 'runtime']
const section = readFileSync('docs/libraries.md', 'utf8').split('## Trusted with\n')[1]?.split('\n## ')[0] ?? ''
const rows = section.split('\n').flatMap((line) => {
  const [, libraries, , , test] = line.split('|').map((cell) => cell.trim())
  return test?.startsWith('`') ? [{ libraries: libraries!.split(', '), test: test.replaceAll('`', '') }] : []
})

const dependenciesOf = (part: string): readonly string[] => {
  const { dependencies = {} } = JSON.parse(readFileSync(`${part}/package.json`, 'utf8')) as {
    dependencies?: Record<string, string>
  }
  return Object.keys(dependencies).filter((name) => !name.startsWith('@nauthera/'))
}

describe('docs/libraries.md', () => {
  it('says of each library of the product what it is trusted with, and of no other', () => {
    expect([...new Set(rows.flatMap(({ libraries }) => libraries))].toSorted()).to.deep.equal(
      [...new Set(parts.flatMap(dependenciesOf))].toSorted(),
    )
  })

  it('names a test that is there for each', () => {
    expect(rows.map(({ test }) => test).filter((test) => !existsSync(test))).to.deep.equal([])
  })
})
