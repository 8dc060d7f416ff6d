import { expect } from 'chai'
import type { LoadedAccount } from '../../../src/store/sessions/accounts.ts'
import { createPostgresUsers } from '../../../src/users/sources/postgres-users.ts'
import type { KnownPerson } from '../../../src/users/sources/user-source.ts'

describe(createPostgresUsers.name, () => {
  const since = new Date(0)
  const rehashed: string[] = []
  const users = createPostgresUsers({
    store: {
      credentials: {
        find: async () => 'hash of current',
        rehash: async (id) => void rehashed.push(id),
        set: async () => ({ standing: 'after', since }),
      },
    },
    passwords: {
      checkNew: () => [],
      hash: async (plain) => `hash of ${plain}`,
      verify: async (hash, plain) => ({ matches: hash === `hash of ${plain}`, outdated: hash === 'hash of old' }),
    },
  })
  const account = (passwordChangeRequired: boolean) =>
    ({ standing: 'now', user: { id: '1', username: 'ada', disabled: false, passwordChangeRequired } }) as LoadedAccount
  const change = (from: LoadedAccount, next: string, standing?: string) =>
    users.changePassword!(from, { next, standing, event: { event: 'password.changed', outcome: 'success' } })

  for (const [what, disabled, ids] of [
    ['makes a new hash of an outdated one', false, ['1']],
    ['leaves the outdated hash of a disabled person as it is', true, []],
  ] as const)
    it(`${what} at a sign-in`, async () => {
      rehashed.length = 0
      const known = { user: { id: '1', disabled }, passwordHash: 'hash of old' } as KnownPerson
      expect(
        await users.checkPassword({ login: 'ada', password: 'old', known, mayTry: async () => true }),
      ).to.deep.equal({ kind: 'right' })
      expect(rehashed).to.deep.equal(ids)
    })

  it('changes the password of a person who wants to, or who has to', async () => {
    const changed = { kind: 'changed', standing: 'after', since }
    expect(await change(account(false), 'another')).to.deep.equal(changed)
    expect(await change(account(true), 'another', 'now')).to.deep.equal(changed)
  })

  it('refuses the password that they have', async () => {
    expect(await change(account(true), 'current', 'now')).to.have.nested.property('faults[0].code', 'same')
  })

  it('does not say what the password is to whoever need not change it, or stands otherwise by now', async () => {
    expect(await change(account(false), 'current', 'now')).to.deep.equal({ kind: 'ended' })
    expect(await change(account(true), 'current', 'before')).to.deep.equal({ kind: 'ended' })
  })
})
