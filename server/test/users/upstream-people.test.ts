import { expect } from 'chai'
import type { User } from '../../src/store/users.ts'
import { createUpstreamPeople } from '../../src/users/upstream-people.ts'

const at = Date.UTC(2030, 0, 1)
const user: User = {
  id: '7f1f0d8e-0000-4000-8000-000000000001',
  source: 'corp',
  sourceKey: 'https://corp.example.com s-1',
  describedUntil: new Date(at + 1000),
  username: 'ada',
  email: undefined,
  emailVerified: false,
  name: undefined,
  locale: undefined,
  profile: {},
  passwordChangeRequired: false,
  disabled: false,
  createdAt: new Date(at),
  updatedAt: new Date(at),
  groups: [],
  groupOrigins: {},
}

describe(createUpstreamPeople.name, () => {
  let time = at
  const checked: string[] = []
  const people = createUpstreamPeople({
    id: 'corp',
    maxAgeMs: 1000,
    now: () => time,
    passwords: {
      verify: async (_, password) => {
        checked.push(password)
        return { matches: false, outdated: false }
      },
    },
  })

  it('knows a person until what the provider said is too old', async () => {
    expect(await people.look(user)).to.equal(user)
    time = at + 1000
    expect(await people.look(user)).to.equal(undefined)
    const { describedUntil: _, ...never } = user
    expect(await people.look(never)).to.equal(undefined)
  })

  it('takes no password of its people, in the time that a wrong one takes, and asks for none of others', async () => {
    const known = { user, passwordHash: undefined }
    const mayTry = async () => true
    expect(await people.checkPassword({ login: 'ada', password: 'p1', known, mayTry })).to.deep.equal({ kind: 'wrong' })
    await people.pretendToCheck('p2')
    expect(await people.checkPassword({ login: 'bob', password: 'p3', known: undefined, mayTry })).to.deep.equal({
      kind: 'unknown',
    })
    expect(checked).to.deep.equal(['p1', 'p2'])
    expect(people).not.to.have.property('changePassword')
  })
})
