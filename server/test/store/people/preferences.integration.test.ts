import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { readPreferences } from '../../../src/store/people/user.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const ofNewerRelease = statement(
  'test-preferences-newer',
  `INSERT INTO preferences (user_id, preferences) VALUES ($1, '{"language": "de", "textSize": "large"}')`,
)
const stored = statement<{ preferences: unknown }>(
  'test-preferences-stored',
  'SELECT preferences FROM preferences WHERE user_id = $1',
)

describe('createPreferences', () => {
  let database: FreshStore
  let store: Store
  before(async () => {
    database = await freshStore()
    store = database.replica()
  })
  after(() => database?.stop())

  const event = { event: 'account.changed', outcome: 'success', reason: 'by-the-person' } as const
  const preferred = async (userId: string) => (await store.accounts.load({ userId }))?.user.preferences

  it('keeps what a person chose, and forgets it again, each with its event', async () => {
    const { id } = await store.users.insert({ username: 'ada' })
    expect(await preferred(id)).to.equal(undefined)
    const audit = [{ ...event, userId: id }]
    expect(await store.preferences.set(id, { language: 'de', colourScheme: 'dark' }, audit)).to.equal(true)
    expect(await preferred(id)).to.deep.equal({ language: 'de', colourScheme: 'dark' })
    expect((await store.users.findByLogin('ADA'))?.preferences).to.deep.equal({ language: 'de', colourScheme: 'dark' })
    await store.preferences.set(id, {}, audit)
    expect(await preferred(id)).to.deep.equal({ language: undefined, colourScheme: undefined })
    expect(await store.audit.search({ userId: id, event: 'account.changed', limit: 5 })).to.have.length(2)
  })

  it('leaves alone what a newer release keeps there', async () => {
    const { id } = await store.users.insert({ username: 'grace' })
    await store.database.query(ofNewerRelease, [id])
    expect(await preferred(id)).to.deep.equal({ language: 'de', colourScheme: undefined })
    await store.preferences.set(id, { colourScheme: 'light' }, [])
    const [row] = await store.database.query(stored, [id])
    expect(row?.preferences).to.deep.equal({ textSize: 'large', colourScheme: 'light' })
  })

  it('writes nothing for somebody who is gone, and removes it with the person', async () => {
    const { id } = await store.users.insert({ username: 'gone' })
    await store.preferences.set(id, { language: 'de' }, [])
    await store.users.remove(id, [])
    expect(await store.database.query(stored, [id])).to.deep.equal([])
    expect(await store.preferences.set(id, { language: 'de' }, [{ ...event, userId: id }])).to.equal(false)
    expect(await store.preferences.set(randomUUID(), {}, [])).to.equal(false)
  })
})

describe('readPreferences', () => {
  const cases: [string, unknown, unknown][] = [
    ['nothing', null, undefined],
    ['something else', 'de', undefined],
    [
      'values that nobody knows',
      { language: 7, colourScheme: 'sepia' },
      { language: undefined, colourScheme: undefined },
    ],
  ]
  for (const [what, value, wanted] of cases) {
    it(`takes ${what} as not chosen`, () => {
      expect(readPreferences(value)).to.deep.equal(wanted)
    })
  }
})
