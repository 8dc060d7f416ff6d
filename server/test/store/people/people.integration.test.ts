import { expect } from 'chai'
import { createAccounts } from '../../../src/store/sessions/accounts.ts'
import { createAttempts } from '../../../src/store/people/attempts.ts'
import { createPeople } from '../../../src/store/people/people.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { explained, rowsRead } from '../explain.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const addThousand = statement(
  'test-add-thousand',
  `WITH made AS (INSERT INTO users (id, username, canonical_username, email, canonical_email, name)
     SELECT gen_random_uuid(), 'user' || n, 'user' || n, 'mail' || n || '@example.test', 'mail' || n || '@example.test',
       'First' || n || ' Last' || n FROM generate_series($1::integer + 1, $1::integer + 1000) n RETURNING id, username)
   INSERT INTO group_members (user_id, group_id) SELECT made.id, g.id FROM made, groups g
     WHERE g.name IN ('group-' || length(made.username), 'group-' || (10 + (hashtext(made.username) & 127)))`,
)

describe(createPeople.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
    const people: [string, string | undefined, string | undefined][] = [
      ['ada', 'countess@example.test', 'Ada Lovelace'],
      ['adam', 'adam@example.test', 'Adam Smith'],
      ['grace', 'ada.fan@example.test', 'Grace Hopper'],
      ['alan', undefined, 'Alan Adair'],
      ['zoe', undefined, 'ADA  Zoë'],
      ['plain', undefined, undefined],
      ['per%cent', undefined, 'Under_score'],
    ]
    for (const [username, email, name] of people) await store.users.insert({ username, email, name, groups: ['all'] })
  })
  after(() => fresh.stop())

  const found = async (text: string, limit = 50) =>
    (await createPeople(store).search({ text, limit })).people.map(({ username }) => username)

  it('finds by the begin of user name, e-mail address, name and family name, each person once, in this order', async () => {
    expect(await found('ada')).to.deep.equal(['ada', 'adam', 'grace', 'zoe', 'alan'])
    expect(await found(' LOVE')).to.deep.equal(['ada'])
    expect(await found('countess@')).to.deep.equal(['ada'])
    expect(await found('nobody')).to.deep.equal([])
  })

  it('finds everybody without a text, and one person by the id', async () => {
    expect(await found('')).to.deep.equal(['ada', 'adam', 'alan', 'grace', 'per%cent', 'plain', 'zoe'])
    const { id } = (await store.users.findByLogin('grace'))!
    expect(await found(id)).to.deep.equal(['grace'])
    expect((await createPeople(store).search({ text: id, limit: 5 })).people[0]!.groups).to.deep.equal(['all'])
  })

  it('gives the same people page by page, whatever the size of a page', async () => {
    for (const text of ['', 'ada', 'a'])
      for (let limit = 1; limit < 6; limit++) {
        const pages: string[] = []
        let after: string | undefined
        do {
          const page = await createPeople(store).search({ text, after, limit })
          expect(page.people.length).to.be.at.most(limit)
          pages.push(...page.people.map(({ username }) => username))
          after = page.next
        } while (after !== undefined)
        expect(pages, `${text} by ${limit}`).to.deep.equal(await found(text))
      }
  })

  it('E8 takes text and place as text: no wildcard, no SQL, no place of another making', async () => {
    expect(await found('%')).to.deep.equal([])
    expect(await found('_')).to.deep.equal([])
    expect(await found('per%')).to.deep.equal(['per%cent'])
    expect(await found(`' OR ''='`)).to.deep.equal([])
    expect(await found('\u0000')).to.deep.equal(await found(''))
    const sealed = (place: unknown) => Buffer.from(JSON.stringify(place)).toString('base64url')
    const id = '00000000-0000-0000-0000-000000000000'
    const places = [
      'x',
      '%',
      sealed(null),
      sealed({ way: 9, key: 'a', id }),
      sealed({ way: 0, key: 'a', id: "'; DROP TABLE users" }),
      sealed({ way: '__proto__', key: 'a', id }),
    ]
    for (const after of places)
      expect((await createPeople(store).search({ text: 'ada', after, limit: 50 })).people).to.have.length(5)
    const strange = sealed({ way: 0, key: `a\u0000' OR 1=1`, id })
    expect((await createPeople(store).search({ text: 'ada', after: strange, limit: 50 })).people.length).to.be.at.most(
      5,
    )
  })

  describe('among 20,000 people and 200 groups', () => {
    const all = 200
    before(async () => {
      await store.users.insert({
        username: 'everywhere',
        groups: Array.from({ length: all }, (_, n) => `group-${n + 1}`),
      })
      // in portions: a busy machine has 3 s for each
      for (let from = 0; from < 20_000; from += 1_000) await store.database.query(addThousand, [from])
      await store.database.query(statement('test-analyze', 'ANALYZE users, groups, group_members'))
    })

    it('finds no more rows than it shows, and reads each once more', async () => {
      for (const text of ['', 'user1', 'mail1', 'first1', 'last1']) {
        const seen = explained(store.database)
        const page = await createPeople({ database: seen }).search({ text, limit: 50 })
        expect(page.people, text).to.have.length(50)
        const next = await createPeople({ database: seen }).search({ text, after: page.next, limit: 50 })
        expect(next.people, text).to.have.length(50)
        expect(rowsRead(seen.nodes, 'users'), text).to.be.at.most(102 + 100)
      }
    })

    it('a sign-in reads the row of its person, by name, address and id, and their groups', async () => {
      const limits = { perAccount: 5, perAddress: 1000, windowMs: 600_000, lockMs: 600_000 }
      const seen = explained(store.database)
      const attempts = createAttempts({ ...store, database: seen })
      const accounts = createAccounts({ database: seen })
      for (const login of ['user777', 'MAIL777@example.test', 'everywhere', 'nobody-here']) {
        const { user } = await attempts.start({ login, address: '192.0.2.1', limits })
        const loaded = user && (await accounts.load({ userId: user.id }))
        expect(loaded?.user.username).to.equal(user?.username)
        if (login === 'everywhere') expect(loaded?.user.groups).to.have.length(all)
      }
      const throughAll = seen.nodes.filter((node) => node['Node Type'] === 'Seq Scan')
      expect(throughAll.map((node) => node['Relation Name'])).to.not.include.members(['users', 'group_members'])
      // each statement runs twice, since it is explained too
      expect(rowsRead(seen.nodes, 'users')).to.be.at.most(4 * 2)
    })
  })
})
