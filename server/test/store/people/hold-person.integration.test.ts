import { expect } from 'chai'
import { statement } from '../../../src/store/driver/database.ts'
import { holdPerson } from '../../../src/store/people/hold-person.ts'
import { addPerson, freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const signIn = statement('test-lock-as-sign-in', 'SELECT FROM users WHERE id = $1 FOR SHARE SKIP LOCKED')
const refer = statement('test-lock-as-reference', 'SELECT FROM users WHERE id = $1 FOR KEY SHARE SKIP LOCKED')

describe('holdPerson', () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  it('keeps sign-ins of this person waiting until the commit; others sign in, and rows may refer to the person', async () => {
    const [store, other] = [fresh.replica(), fresh.replica()]
    const [person, somebody] = [await addPerson(store), await addPerson(store)]
    const lockable = async (how: typeof signIn, { id }: { id: string }) =>
      (await other.database.query(how, [id])).length
    await store.database.transaction(async (connection) => {
      await connection.query(holdPerson, [person.id])
      expect(await lockable(signIn, person)).to.equal(0)
      expect(await lockable(signIn, somebody)).to.equal(1)
      expect(await lockable(refer, person)).to.equal(1)
    })
    expect(await lockable(signIn, person)).to.equal(1)
  })
})
