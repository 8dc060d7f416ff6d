import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { hunts } from './support/hunts.ts'
import { copyTree, mocha } from './support/tree-copy.ts'
import type { TreeCopy } from './support/tree-copy.ts'

// Adds an audit event, an error code, a metric, a setting and a page to one copy of the tree, by the files that CONTRIBUTING.md names and by no other.

const always = ['ci/test/audit-events.test.ts', 'ci/test/documents.test.ts', 'ci/test/metrics.test.ts']
const types = ['node_modules/typescript/bin/tsc', '--noEmit']
const timeoutMs = 240_000
const rows = readFileSync('CONTRIBUTING.md', 'utf8').split('\n')

const otherLanguages = /^server\/locales\/(?!en\.)/

const testsOfHunt = ({ tests, seenBy = [] }: (typeof hunts)[number]) =>
  [...Object.keys(tests), ...seenBy].filter((file) => file.endsWith('.test.ts'))

/** @param name a path, its end, or a folder; undefined for any file */
const isNamed = (file: string, name = '') => (name.endsWith('/') ? file.startsWith(name) : file.endsWith(name))

describe('what CONTRIBUTING.md names for something new', function () {
  this.timeout(timeoutMs)
  let copy: TreeCopy
  before(() => {
    copy = copyTree({ timeoutMs })
    for (const { files, added = {}, tests } of hunts) {
      for (const [file, insertions] of Object.entries({ ...files, ...tests })) copy.insert(file, insertions)
      for (const [file, text] of Object.entries(added)) copy.add(file, text)
    }
    copy.expectSuccess(['scripts/generate.ts'])
  })
  after(() => copy?.remove())

  it('is enough: types are right, tests pass', () => {
    copy.expectSuccess(types)
    copy.expectSuccess(mocha([...always, ...hunts.flatMap(testsOfHunt)]))
  })

  for (const hunt of hunts) {
    const { row, goal, files, added = {} } = hunt
    const changed = Object.keys(files).filter((file) => !otherLanguages.test(file))
    const all = [...changed, ...Object.keys(added)]

    it(`is what was changed for ${row}: ${goal} files at most`, () => {
      const [, , first = '', second = ''] = rows.find((line) => line.startsWith(`| ${row} |`))?.split('|') ?? []
      expect(all).to.have.length.at.most(goal)
      // a file without a name, as in "the file that records it", is one too
      const named = [...first.split(','), ...(hunt.added ? second.split(',') : [])]
      expect(named).to.have.length(all.length)
      for (const [at, part] of named.entries())
        expect(isNamed(all[at]!, /`([^`]+)`/.exec(part)?.[1]), part).to.equal(true)
    })

    for (const file of all) {
      it(`is needed for ${row}: a test, or the types, fail while ${file} is forgotten`, () => {
        copy.restore(file)
        const runs = [mocha(testsOfHunt(hunt)), types].map((args) => () => copy.run(args))
        const failed = runs.some((run) => run().status !== 0)
        if (files[file]) copy.insert(file, files[file])
        else copy.add(file, added[file]!)
        expect(failed).to.equal(true)
      })
    }
  }
})
