import { expect } from 'chai'
import { mapGroups } from '../../../src/users/sources/group-names.ts'

describe(mapGroups.name, () => {
  const map = [
    { from: 'ops', to: 'operators' },
    { from: 'ops', to: 'on-call' },
    { from: 'admins', to: 'operators' },
  ]
  const cases: [string, Parameters<typeof mapGroups>[1], string[]][] = [
    ['nothing without a map and a prefix', { map: [] }, []],
    ['what the map has, each name once', { map }, ['operators', 'on-call']],
    ['everything under a prefix', { map: [], prefix: 'x-' }, ['x-ops', 'x-admins', 'x-dev']],
    ['under the prefix what the map does not have', { map, prefix: 'x-' }, ['operators', 'on-call', 'x-dev']],
  ]
  for (const [what, names, taken] of cases)
    it(`takes over ${what}`, () => {
      expect(mapGroups(['ops', 'admins', 'dev'], names)).to.deep.equal(taken)
    })
})
