import { globSync, readFileSync } from 'node:fs'
import { expect } from 'chai'

/** The files and folders that the rows of CONTRIBUTING.md name for something, but for texts and views. */
function namedFor(...begins: readonly string[]): readonly string[] {
  const rows = readFileSync('CONTRIBUTING.md', 'utf8').split('\n')
  return begins
    .map((begin) =>
      rows
        .find((row) => row.startsWith(`| ${begin}`))!
        .split('|')
        .slice(2, 4)
        .join(),
    )
    .flatMap((cells) => [...cells.matchAll(/`([^`]+)`/g)].map(([, path]) => path!))
    .filter((path) => !/^server\/(locales|views)\//.test(path))
}

describe('what CONTRIBUTING.md names', () => {
  it('is at most ten files for a kind of second factor, and no other file names one kind', () => {
    const named = namedFor('a kind of second factor:', 'the pages of that kind:')
    expect(named).to.have.length.at.most(10)
    const naming = globSync('server/src/**/*.ts').filter((file) => readFileSync(file, 'utf8').includes("'totp'"))
    expect(naming).not.to.deep.equal([])
    expect(naming.filter((file) => !named.some((path) => file.startsWith(path)))).to.deep.equal([])
  })

  it('is at most eight files for a grant', () => {
    const tests = 1
    expect(namedFor('a grant that only the token endpoint knows')).to.have.length.at.most(8 - tests)
  })
})
