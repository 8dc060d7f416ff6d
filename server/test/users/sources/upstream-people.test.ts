import { expect } from 'chai'
import type { User } from '../../../src/store/people/user.ts'
import { createUpstreamPeople } from '../../../src/users/sources/upstream-people.ts'

describe(createUpstreamPeople.name, () => {
  const asked: unknown[] = []
  const people = createUpstreamPeople({
    id: 'corp',
    maxAgeMs: 60_000,
    vouching: { own: ['example.com'], ofOthers: [], rest: 'none' },
    passwords: {
      verify: async (hash, password) => {
        asked.push([hash, password])
        return { matches: true, outdated: false }
      },
    },
    now: () => 1000,
  })
  beforeEach(() => void asked.splice(0))
  const ada = { id: '1', username: 'ada', email: 'ada@example.com', describedUntil: new Date(1001) } as User

  it('describes a person until the provider has to be asked again', async () => {
    expect(await people.read(ada)).to.equal(ada)
    expect(await people.read({ ...ada, describedUntil: new Date(1000) })).to.equal(undefined)
    expect(await people.read({ ...ada, describedUntil: undefined })).to.equal(undefined)
  })

  it('describes nobody for whose address the provider vouches no more', async () => {
    expect(await people.read({ ...ada, email: 'ada@example.org' })).to.equal(undefined)
    const withoutAddress = { ...ada, email: undefined }
    expect(await people.read(withoutAddress)).to.equal(withoutAddress)
  })

  it('takes no password for right, and as long as for a wrong one', async () => {
    const attempt = { login: 'ada', password: 'secret', mayTry: async () => true }
    const known = { user: ada, passwordHash: undefined }
    expect(await people.checkPassword({ ...attempt, known })).to.deep.equal({ kind: 'wrong' })
    expect(asked).to.deep.equal([[undefined, 'secret']])
    expect(await people.checkPassword({ ...attempt, known: undefined })).to.deep.equal({ kind: 'unknown' })
  })
})
