import { expect } from 'chai'
import type { User } from '../../../src/store/people/user.ts'
import { hasNamesOf, mergeUser } from '../../../src/users/sources/merge-user.ts'

const person = {
  username: 'ada',
  email: 'ada@example.test',
  emailVerified: true,
  name: 'Ada',
  locale: 'en',
  profile: {},
  disabled: false,
  groups: ['maths'],
}
const user: User = {
  ...person,
  id: 'id',
  source: 'directory',
  sourceKey: 'key',
  groupOrigins: {},
  passwordChangeRequired: false,
  createdAt: new Date(0),
  updatedAt: new Date(0),
}

describe(hasNamesOf.name, () => {
  it('compares user name, address and whether that is verified, and nothing else', () => {
    expect(hasNamesOf(user, { ...person, name: 'Another', groups: [] })).to.equal(true)
    for (const other of [{ username: 'eve' }, { email: undefined }, { emailVerified: false }])
      expect(hasNamesOf(user, { ...person, ...other }), JSON.stringify(other)).to.equal(false)
  })
})

describe(mergeUser.name, () => {
  it('takes what the source says, and the names of the record', () => {
    const told = {
      ...person,
      username: 'eve',
      email: 'eve@example.test',
      emailVerified: false,
      name: 'Eve',
      groups: ['ops'],
    }
    expect(mergeUser(user, told)).to.deep.equal({
      ...user,
      name: 'Eve',
      groups: ['ops'],
      groupOrigins: { directory: ['ops'] },
    })
  })

  it('leaves disabled who is disabled here or there', () => {
    for (const [here, there, merged] of [
      [false, false, false],
      [true, false, true],
      [false, true, true],
    ] as const)
      expect(mergeUser({ ...user, disabled: here }, { ...person, disabled: there }).disabled).to.equal(merged)
  })
})
