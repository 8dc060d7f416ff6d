import { expect } from 'chai'
import { factorStanding } from '../../../src/users/factors/policy.ts'

describe(factorStanding.name, () => {
  const factors = ['totp'] as const
  for (const [sentence, policy, requiredGroups, groups, wanted] of [
    ['required: everybody must have one', 'required', [], [], { kinds: factors, required: true }],
    ['optional: nobody must', 'optional', [], ['staff'], { kinds: factors, required: false }],
    [
      'optional, with groups: their members must',
      'optional',
      ['admins'],
      ['admins'],
      { kinds: factors, required: true },
    ],
    ['optional, with groups: others need not', 'optional', ['admins'], ['staff'], { kinds: factors, required: false }],
    ['off: nobody is asked, whatever they have', 'off', [], [], { kinds: [], required: false }],
  ] as const)
    it(sentence, () => {
      expect(factorStanding({ policy, requiredGroups }, { groups, factors })).to.deep.equal(wanted)
    })
})
