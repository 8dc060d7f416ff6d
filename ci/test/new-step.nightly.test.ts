import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { added, changed, tests } from './support/new-step.ts'
import { copyTree, mocha } from './support/tree-copy.ts'
import type { Insertion, TreeCopy } from './support/tree-copy.ts'

// Adds a step to the sign-in, which stores something, to a copy of the tree: by the files that CONTRIBUTING.md names and by no other.

const quick = [
  'ci/test/style.test.ts',
  'ci/test/mirror.test.ts',
  'server/test/http/locales.test.ts',
  'server/test/http/pages/pages.test.ts',
  'server/test/login/routes.test.ts',
]
const whole = Object.keys(tests.added)
const types = ['node_modules/typescript/bin/tsc', '--noEmit']
const timeoutMs = 400_000
const otherLanguages = /^server\/locales\/(?!en\.)/

describe('a new step of the sign-in that stores something', function () {
  this.timeout(timeoutMs)
  let copy: TreeCopy
  const write = (file: string) => {
    const insertions: readonly Insertion[] | undefined = changed[file] ?? tests.changed[file]
    if (insertions) copy.insert(file, insertions)
    else copy.add(file, (added[file] ?? tests.added[file])!)
  }
  before(() => {
    copy = copyTree({ timeoutMs })
    for (const part of [changed, added, tests.changed, tests.added]) Object.keys(part).forEach(write)
  })
  after(() => copy?.remove())

  it('needs the files that CONTRIBUTING.md names, seven at most, and each language', () => {
    const rows = readFileSync('CONTRIBUTING.md', 'utf8')
      .split('\n')
      .filter((line) => /^\| (a step of the sign-in|what a step stores) \|/.test(line))
      .map((line) => line.split('|'))
    const named = (column: number) =>
      rows.flatMap((cells) => [...cells[column]!.matchAll(/`([^`]+[/.][^`]*)`/g)].map(([, path]) => path))
    expect(named(2)).to.have.members(Object.keys(changed).filter((file) => !otherLanguages.test(file)))
    expect(named(3)).to.have.members(Object.keys(added).map((file) => `${dirname(file)}/`))
    expect([...named(2), ...named(3)]).to.have.length.at.most(7)
    expect(named(4)).to.include.members(Object.keys(tests.changed))
  })

  it('is then part of the sign-in: types are right, tests pass', () => {
    copy.expectSuccess(types)
    copy.expectSuccess(mocha([...quick, ...whole]))
  })

  // one of the other languages stands for all
  const languages = Object.keys(changed).filter((file) => otherLanguages.test(file))
  for (const file of [...Object.keys(changed), ...Object.keys(added)].filter(
    (one) => !languages.slice(1).includes(one),
  )) {
    it(`fails a test, or the types, while ${file} is forgotten`, () => {
      copy.restore(file)
      const runs = [mocha(quick), mocha(whole), types].map((args) => () => copy.run(args))
      const failed = runs.some((run) => run().status !== 0)
      write(file)
      expect(failed).to.equal(true)
    })
  }
})
