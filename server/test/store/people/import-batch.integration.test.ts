import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createChanges } from '../../../src/store/cache/changes.ts'
import { createImportBatch } from '../../../src/store/people/import-batch.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

describe(createImportBatch.name, () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  it('writes people with passwords and groups, and leaves out whoever has a name of somebody else', async () => {
    const store = fresh.replica()
    await store.users.insert({ username: 'taken', email: 'taken@example.test' })
    const batch = createImportBatch({ ...store, changes: createChanges(undefined) })
    const [ada, same, alike] = [randomUUID(), randomUUID(), randomUUID()]
    const people = [
      { id: ada, username: 'Ada', passwordHash: '$argon2id$1', groups: ['ops', 'maths'], profile: { nickname: 'A' } },
      { id: same, username: 'TAKEN', passwordHash: '$argon2id$2', groups: ['lost'] },
      { id: alike, username: 'alike', email: 'Taken@example.test' },
    ]
    const events = people.map(({ id }) => ({ event: 'account.created', outcome: 'success', userId: id }) as const)
    expect(await batch.insert(people, events)).to.deep.equal([ada])
    const [found, ...others] = await batch.findLike([{ id: ada, username: 'nobody' }])
    expect(found).to.deep.include({ username: 'Ada', groups: ['maths', 'ops'], profile: { nickname: 'A' } })
    expect(others).to.deep.equal([])
    expect(await store.credentials.find(ada)).to.equal('$argon2id$1')
    expect(await batch.findGroups(['ops', 'lost'])).to.deep.equal(['ops'])
    const told = await store.audit.search({ limit: 9 })
    expect(told.map(({ userId }) => userId)).to.deep.equal([ada])
  })

  it('finds people by id, user name and e-mail address in any spelling', async () => {
    const store = fresh.replica()
    const { id } = await store.users.insert({ username: 'Grace', email: 'Grace@example.test' })
    const batch = createImportBatch({ ...store, changes: createChanges(undefined) })
    const find = async (username: string, email?: string, wanted: string = randomUUID()) =>
      (await batch.findLike([{ id: wanted, username, email }])).map((user) => user.id)
    expect(await find('GRACE')).to.deep.equal([id])
    expect(await find('x', 'grace@EXAMPLE.test')).to.deep.equal([id])
    expect(await find('x', undefined, id)).to.deep.equal([id])
    expect(await find('x', 'y@example.test')).to.deep.equal([])
  })
})
