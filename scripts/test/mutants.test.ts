import { expect } from 'chai'
import { applyTo, chooseSome, mutationsOf } from '../mutants/mutations.ts'

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
})
