import { expect } from 'chai'
import {
  factorStanding,
  isRequired,
  mayEnrolFirst,
  mayLink,
  proofsThatCount,
  strengthOf,
} from '../../../src/users/factors/policy.ts'

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

describe(isRequired.name, () => {
  it('asks a member of one of the groups, unless the setting is off', () => {
    const askedBy = (policy: 'off' | 'optional' | 'required') =>
      isRequired({ policy, requiredGroups: ['admins', 'desk'] }, ['staff', 'desk'])
    expect([askedBy('off'), askedBy('optional'), askedBy('required')]).to.deep.equal([false, true, true])
    expect(isRequired({ policy: 'off', requiredGroups: [] }, [])).to.equal(false)
  })
})

describe(strengthOf.name, () => {
  it('says what a sign-in proved beyond a password: a link counts before a second factor', () => {
    for (const [amr, wanted] of [
      [[], undefined],
      [['pwd'], undefined],
      [['pwd', 'mfa'], 'mfa'],
      [['pwd', 'mfa', 'link'], 'link'],
    ] as const)
      expect(strengthOf(amr), amr.join()).to.equal(wanted)
  })
})

describe(mayEnrolFirst.name, () => {
  const policy = (enrolment: 'password' | 'link', use: 'off' | 'optional' = 'optional') =>
    ({ policy: use, requiredGroups: [], enrolment }) as const

  it('takes a password where the setting says so, else a link or two factors', () => {
    expect(mayEnrolFirst(policy('password'), ['pwd'])).to.equal(true)
    expect(mayEnrolFirst(policy('link'), ['pwd'])).to.equal(false)
    expect(mayEnrolFirst(policy('link'), ['link'])).to.equal(true)
    expect(mayEnrolFirst(policy('link'), ['mfa'])).to.equal(true)
  })

  it('holds for a linked identity too, unless second factors are off', () => {
    expect(mayLink(policy('link'), ['pwd'])).to.equal(false)
    expect(mayLink(policy('link'), ['link'])).to.equal(true)
    expect(mayLink(policy('link', 'off'), ['pwd'])).to.equal(true)
  })
})

describe(proofsThatCount.name, () => {
  it('believes a provider all but a link of ours, and only the password of an account that the password linked', () => {
    const amr = ['pwd', 'otp', 'mfa', 'link']
    expect(proofsThatCount(amr, { isStrong: true })).to.deep.equal(['pwd', 'otp', 'mfa'])
    expect(proofsThatCount(amr, { isStrong: false })).to.deep.equal(['pwd'])
  })
})
