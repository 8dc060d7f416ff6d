import { expect } from 'chai'
import { acrForBoth, groupsInBoth, leastAcr, noGroup } from '../src/restraint.ts'

describe(groupsInBoth.name, () => {
  const rows: [one: string[], other: string[], both: string[]][] = [
    [[], [], []],
    [['staff'], [], ['staff']],
    [[], ['staff'], ['staff']],
    [['staff', 'guests'], ['admins', 'staff'], ['staff']],
    [['staff'], ['admins'], [noGroup]],
    [['staff'], [noGroup], [noGroup]],
  ]
  for (const [one, other, both] of rows) {
    it(`lets in who is in ${JSON.stringify(both)} when ${JSON.stringify(one)} and ${JSON.stringify(other)} hold`, () => {
      expect(groupsInBoth(one, other)).to.deep.equal(both)
    })
  }
})

describe(acrForBoth.name, () => {
  const [password, mfa] = ['urn:nauthera:password', 'urn:nauthera:mfa']
  const rows: [values: string[], least: string, both: string[]][] = [
    [[], '', []],
    [[], mfa, [mfa]],
    [[password], '', [password]],
    [[password], mfa, [mfa]],
    [[mfa], password, [mfa]],
    [[password, mfa], mfa, [mfa]],
    [[password], 'urn:unknown', [password]],
    [[password, 'urn:unknown'], password, [password, 'urn:unknown']],
  ]
  for (const [values, least, both] of rows) {
    it(`wants ${JSON.stringify(both)} when the version wants ${JSON.stringify(values)} and the object ${least}`, () => {
      expect(acrForBoth(values, least)).to.deep.equal(both)
    })
  }
})

describe(leastAcr.name, () => {
  it('is the weakest known value, and nothing when none is known', () => {
    expect(leastAcr(['urn:nauthera:mfa', 'urn:nauthera:password'])).to.equal('urn:nauthera:password')
    expect(leastAcr(['urn:elsewhere'])).to.equal(undefined)
  })
})
