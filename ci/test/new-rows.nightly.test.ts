import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { hunts } from './support/hunts.ts'
import { copyTree, mocha } from './support/tree-copy.ts'
import type { TreeCopy } from './support/tree-copy.ts'

// Adds an audit event, an error code, a metric and a setting to one copy of the tree, by the files that CONTRIBUTING.md names and by no other.

const always = ['ci/test/audit-events.test.ts', 'ci/test/documents.test.ts', 'ci/test/metrics.test.ts']
const types = ['node_modules/typescript/bin/tsc', '--noEmit']
const timeoutMs = 240_000
const rows = readFileSync('CONTRIBUTING.md', 'utf8').split('\n')

describe('what CONTRIBUTING.md names for something new', function () {
  this.timeout(timeoutMs)
  let copy: TreeCopy
  before(() => {
    copy = copyTree({ timeoutMs })
    for (const { files, tests } of hunts)
      for (const [file, insertions] of Object.entries({ ...files, ...tests })) copy.insert(file, insertions)
    copy.expectSuccess(['scripts/generate.ts'])
  })
  after(() => copy?.remove())

  it('is enough: types are right, tests pass', () => {
    copy.expectSuccess(types)
    copy.expectSuccess(mocha([...always, ...hunts.flatMap(({ tests }) => Object.keys(tests))]))
  })

  for (const { row, goal, files, tests } of hunts) {
    it(`is what was changed for ${row}: ${goal} files at most`, () => {
      const [, , cell = ''] = rows.find((line) => line.startsWith(`| ${row} |`))?.split('|') ?? []
      const changed = Object.keys(files)
      expect(changed).to.have.length.at.most(goal)
      // a file without a name, as in "the file that records it", is one too
      const named = cell.split(',').map((part) => /`([^`]+)`/.exec(part)?.[1])
      expect(named).to.have.length(changed.length)
      for (const [at, name] of named.entries()) expect(changed[at]!.endsWith(name ?? ''), `${name}`).to.equal(true)
    })

    for (const [file, insertions] of Object.entries(files)) {
      it(`is needed for ${row}: a test, or the types, fail while ${file} is forgotten`, () => {
        copy.restore(file)
        const runs = [mocha(Object.keys(tests)), types].map((args) => () => copy.run(args))
        const failed = runs.some((run) => run().status !== 0)
        copy.insert(file, insertions)
        expect(failed).to.equal(true)
      })
    }
  }
})
