import { expect } from 'chai'
import { readImports } from '../house/imports.ts'
import { applyTo, chooseSome, mutationsOf } from '../mutants/mutations.ts'
import type { Mutation } from '../mutants/mutations.ts'
import { testsNear, testsThatReach } from '../mutants/near-tests.ts'
import { wilsonInterval } from '../mutants/wilson.ts'

const source = `import { a } from './a.ts'
// true or false
export const mayPass = (age: number): boolean => age >= 18 && !isClosed('a && b', true)
`

describe('small wrong changes to a rule', () => {
  const all = mutationsOf('rule.ts', source)

  it('are made to what decides, not to imports, comments and texts', () => {
    expect(all.map(({ line, from, to }) => [line, from.trim(), to.trim()])).to.have.deep.members([
      [3, '>=', '>'],
      [3, '&&', '||'],
      [3, '!', ''],
      [3, 'true', 'false'],
    ])
  })

  it('change one place each', () => {
    const changed = all.map((mutation) => applyTo(source, mutation).split('\n')[2])
    expect(changed).to.include("export const mayPass = (age: number): boolean => age > 18 && !isClosed('a && b', true)")
    expect(changed).to.include("export const mayPass = (age: number): boolean => age >= 18 && isClosed('a && b', true)")
  })

  it('are the same ones for the same seed', () => {
    expect(chooseSome(all, 2, '1')).to.deep.equal(chooseSome(all.toReversed(), 2, '1'))
  })

  it('are still the same ones when other lines are added', () => {
    const signs = (mutations: readonly Mutation[]) => mutations.map(({ from, to }) => [from, to])
    const moved = mutationsOf('rule.ts', `\n\n${source}`)
    for (const seed of ['1', '2', '3'])
      expect(signs(chooseSome(moved, 2, seed))).to.deep.equal(signs(chooseSome(all, 2, seed)))
  })
})

describe('the tests that are asked about a change', () => {
  it('reach the file by imports, the nearest first, in any workspace', () => {
    const tests = [
      'a/test/rule.test.ts',
      'a/test/other.test.ts',
      'b/test/far.test.ts',
      'a/test/app.integration.test.ts',
    ]
    const imports = readImports(
      new Map([
        ['a/src/rule.ts', ''],
        ['a/src/app.ts', `import './rule.ts'`],
        ['a/test/rule.test.ts', `import '../src/rule.ts'`],
        ['a/test/other.test.ts', ''],
        ['b/test/far.test.ts', `import '@nauthera/a/app'`],
        ['a/test/app.integration.test.ts', `import '../src/app.ts'`],
      ]),
    )
    expect(testsNear('a/src/rule.ts', tests, imports)).to.deep.equal({
      units: [['a/test/rule.test.ts', 'b/test/far.test.ts']],
      integration: ['a/test/app.integration.test.ts'],
    })
  })

  it('of integration tests are those that get to it, first those that get to the most of its file', () => {
    const [change] = mutationsOf('rule.ts', source)
    const unreached = new Map([
      ['elsewhere.integration.test.ts', {}],
      ['beside.integration.test.ts', { 'rule.ts': [change!.name] }],
      ['some.integration.test.ts', { 'rule.ts': ['another'] }],
      ['all.integration.test.ts', { 'rule.ts': [] }],
    ])
    expect(testsThatReach(change!, unreached)).to.deep.equal(['all.integration.test.ts', 'some.integration.test.ts'])
  })
})

describe('the interval of a share', () => {
  it('is what Wilson says, and all there is where nothing was asked', () => {
    const rounded = (found: number, sample: number) =>
      wilsonInterval(found, sample).map((end) => Math.round(end * 10) / 10)
    expect(rounded(54, 60)).to.deep.equal([79.9, 95.3])
    expect(rounded(60, 60)).to.deep.equal([94, 100])
    expect(rounded(0, 0)).to.deep.equal([0, 100])
  })
})
