import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import type { UpstreamSignIn } from '../../../src/store/people/upstream-sign-ins.ts'
import type { User } from '../../../src/store/people/user.ts'
import { createPasswords } from '../../../src/users/passwords/passwords.ts'
import { createUpstreamPeople } from '../../../src/users/sources/upstream-people.ts'
import { createUserSources } from '../../../src/users/sources/user-sources.ts'
import { peopleConformance } from '../../conformance/user-source.ts'
import { awayFrom, freshStore } from '../../store/fresh-store.ts'

const maxAgeMs = 3_600_000
const vouching = { own: ['example.com', 'example.test'], ofOthers: [], rest: 'none' } as const
const passTime = statement(
  'test-upstream-pass',
  `UPDATE upstream_links SET valid_until = valid_until - $1::float8 * interval '1 millisecond'`,
)

peopleConformance(createUpstreamPeople.name, async () => {
  const fresh = await freshStore()
  const [one, other, away] = [fresh.replica(), fresh.replica(), awayFrom(fresh)]
  const passwords = createPasswords()
  const usersOf = (store: Store) =>
    createUserSources({
      sources: [createUpstreamPeople({ id: 'corp', maxAgeMs, vouching, passwords, now: Date.now })],
      store,
    })
  /** What the provider says of each person. */
  const there = new Map<string, UpstreamSignIn>()
  const signInAgain = async (userId: string) => {
    const mark = { id: randomUUID(), expiresAt: new Date(Date.now() + 60_000) }
    await other.upstreamLinks.signIn(there.get(userId)!, mark)
  }
  return {
    replicas: [usersOf(one), usersOf(other)],
    away: usersOf(away),
    store: one,
    maxAgeMs,
    keepsUsernames: true,
    async addPerson({ username, email, groups }) {
      const person = { username, email, emailVerified: true, name: undefined, locale: undefined, profile: {}, groups }
      const identity = { upstream: 'corp', issuer: 'https://corp.example.com', subject: randomUUID() }
      const signIn = { ...identity, maxAgeMs, person }
      const made = await one.upstreamLinks.create(signIn, [])
      if (made.kind !== 'linked') throw new Error(made.what)
      there.set(made.account.id, signIn)
      return made.account.id
    },
    async change(userId, changes) {
      const signIn = there.get(userId)!
      there.set(userId, { ...signIn, person: { ...signIn.person, ...changes } })
      await signInAgain(userId)
    },
    disable: async (userId) => void (await one.users.setDisabled(userId, true, [])),
    // nobody tells us: the person signs in no more
    remove: async () => undefined,
    pass: async (milliseconds) => void (await one.database.query(passTime, [milliseconds])),
    signInAgain,
    async end() {
      await away.stop()
      await fresh.stop()
    },
  }
})

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
    vouching,
    now: () => time,
    passwords: {
      verify: async (_, password) => {
        checked.push(password)
        return { matches: false, outdated: false }
      },
    },
  })

  it('knows a person until what the provider said is too old', async () => {
    expect(await people.read(user)).to.equal(user)
    time = at + 1000
    expect(await people.read(user)).to.equal(undefined)
    const { describedUntil: _, ...never } = user
    expect(await people.read(never)).to.equal(undefined)
  })

  it('L34 does not know a person any more for whose address the provider may not vouch', async () => {
    time = at
    expect(await people.read({ ...user, email: 'ada@example.com' })).not.to.equal(undefined)
    expect(await people.read({ ...user, email: 'ada@other.test' })).to.equal(undefined)
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
