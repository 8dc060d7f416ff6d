import { propertyRuns } from '@nauthera/harness/property-runs'
import { definedOf } from '@nauthera/runtime/json'
import { expect } from 'chai'
import fc from 'fast-check'
import type { ImportedChange } from '../../../src/store/people/import-batch.ts'
import type { User } from '../../../src/store/people/user.ts'
import { importPeople } from '../../../src/users/import/import-people.ts'
import type { ImportRefusal } from '../../../src/users/import/import-people.ts'
import type { PersonEntry, ReadEntry } from '../../../src/users/import/person-entry.ts'

const someone = (over: Partial<User>): User => ({
  id: '5d0a6e2c-0000-4000-8000-000000000001',
  username: 'Ada',
  email: 'ada@example.test',
  emailVerified: true,
  name: 'Ada',
  locale: undefined,
  profile: {},
  disabled: false,
  groups: ['maths'],
  source: 'postgres',
  sourceKey: undefined,
  groupOrigins: {},
  passwordChangeRequired: false,
  createdAt: new Date(0),
  updatedAt: new Date(0),
  ...over,
})

describe(importPeople.name, () => {
  /** Imports people. @returns what was written, counted and refused */
  async function imported(
    entries: readonly (PersonEntry | ReadEntry)[],
    { known = [], ...options }: { known?: User[] } & Partial<Parameters<typeof importPeople>[2]> = {},
  ) {
    const written: number[] = []
    const updated: string[] = []
    const changes: ImportedChange[] = []
    const leftOut: string[] = []
    const refused: ImportRefusal[] = []
    const read = entries.map((entry, index): ReadEntry =>
      'kind' in entry ? entry : { kind: 'person', at: `line ${index + 1}`, username: entry.username, entry },
    )
    const counts = await importPeople(
      {
        store: {
          findLike: async () => known,
          findGroups: async (names) => names.filter((name) => name === 'maths'),
          insert: async (people) => {
            written.push(people.length)
            return people.map(({ id }) => id)
          },
          change: async (userId, decideNow) => {
            const now = known.find(({ id }) => id === userId)!
            const change = decideNow(now)
            if (change === undefined) return
            updated.push(now.username)
            changes.push(change)
          },
        },
        events: () => [],
        changeEvents: () => [],
        leaveOut: (what) => leftOut.push(what),
        batchEvent: () => ({ event: 'admin.users.import', outcome: 'success' }),
        onRefused: (refusal) => refused.push(refusal),
        onProgress: () => undefined,
      },
      (async function* () {
        yield* read
      })(),
      { dryRun: false, createGroups: false, ...options },
    )
    return { counts, written, updated, changes, leftOut, reasons: refused.map(({ at, reason }) => `${at}: ${reason}`) }
  }

  it('writes a hundred people at once, and nothing in a dry run', async () => {
    const people = Array.from({ length: 201 }, (_, index) => ({ username: `user-${index}` }))
    expect((await imported(people.slice(0, 200))).written).to.deep.equal([100, 100])
    expect((await imported(people)).written).to.deep.equal([100, 100, 1])
    const dry = await imported(people, { dryRun: true })
    expect([dry.written, dry.counts.created]).to.deep.equal([[], 201])
  })

  it('keeps who is there as the file says, in any spelling, and says what differs', async () => {
    const known = [someone({})]
    for (const entry of [
      { username: 'ADA' },
      { username: 'ada', email: 'ada@example.test', groups: ['maths'] },
      { username: 'ada', id: known[0]!.id.toUpperCase() },
    ]) {
      const { counts, reasons } = await imported([entry], { known })
      expect([counts.unchanged, reasons], JSON.stringify(entry)).to.deep.equal([1, []])
    }
    const changed = { username: 'ada', name: 'Another', disabled: true }
    expect((await imported([changed], { known })).reasons).to.deep.equal([
      'line 1: is there, and differs in name, disabled; --update changes what is there',
    ])
    expect((await imported([changed], { known, update: true })).updated).to.deep.equal(['Ada'])
    expect((await imported([changed], { known, update: true, dryRun: true })).updated).to.deep.equal([])
  })

  it('refuses who has a name or the id of somebody else, or whom another source describes', async () => {
    const eve = someone({ id: '5d0a6e2c-0000-4000-8000-000000000002', username: 'eve', email: 'eve@example.test' })
    const reasonOf = async (entry: PersonEntry, ...known: User[]) => (await imported([entry], { known })).reasons.join()
    expect(await reasonOf({ username: 'ada', email: 'eve@example.test' }, someone({}), eve)).to.equal(
      'line 1: the e-mail address or id belongs to eve',
    )
    expect(await reasonOf({ username: 'new', id: eve.id }, eve)).to.include('belongs to eve')
    expect(await reasonOf({ username: 'eve@example.test', email: 'eve@example.test' }, eve)).to.include(
      'belongs to eve',
    )
    expect(await reasonOf({ username: 'ada' }, someone({ source: 'ldap' }))).to.equal(
      'line 1: is there, and is described by ldap',
    )
    expect(await reasonOf({ username: 'ada', id: eve.id }, someone({}))).to.include('is there with another id')
    expect(await reasonOf({ username: 'new' }, eve), 'findLike may find more').to.equal('')
  })

  it('refuses a second person of a file with the same name, address or id, and says where the first is', async () => {
    const id = '5D0A6E2C-0000-4000-8000-000000000003'
    const { counts, reasons } = await imported([
      { username: 'one', email: 'one@example.test', id },
      { username: 'ONE' },
      { username: 'two', email: 'One@example.test' },
      { username: 'three', id: id.toLowerCase() },
    ])
    expect(counts).to.include({ created: 1, refused: 3 })
    for (const [index, reason] of reasons.entries())
      expect(reason).to.equal(`line ${index + 2}: has the same user name, e-mail address or id as line 1`)
  })

  const claims = fc.dictionary(
    fc.constantFrom('nickname', 'zoneinfo', 'address'),
    fc.oneof(
      fc.constantFrom('A', 'B'),
      fc.dictionary(fc.constantFrom('country', 'locality'), fc.constantFrom('A', 'B'), { noNullPrototype: true }),
    ),
    { noNullPrototype: true },
  )
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
  const addresses = fc.constantFrom('ada@example.test', 'ADA@example.test', 'thief@example.test')
  const said = {
    email: maybe(addresses),
    emailVerified: fc.boolean(),
    name: maybe(fc.constantFrom('Ada', 'Eve')),
    locale: maybe(fc.constantFrom('en', 'de')),
    profile: claims,
    disabled: fc.boolean(),
    groups: fc.uniqueArray(fc.constantFrom('maths', 'desk')),
  }

  it('only makes an account stricter, keeps what the file leaves out, and leaves the help desk alone', async () => {
    const entries = fc.record({ username: fc.constantFrom('ada', 'ADA'), ...said }, { requiredKeys: ['username'] })
    const options = fc.record({ enable: fc.boolean(), allowsDesk: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.record(said), entries, options, async (facts, entry, { enable, allowsDesk }) => {
        const user = someone(facts)
        const closedDesk = allowsDesk ? [] : ['desk']
        const { changes } = await imported([entry], { known: [user], update: true, enable, closedDesk })
        const isClosed = [...user.groups, ...(entry.groups ?? [])].some((group) => closedDesk.includes(group))
        for (const change of changes) {
          expect(isClosed, 'a change of the help desk').to.equal(false)
          if (change.disabled === false) expect(enable, 'enabling').to.equal(true)
          expect(change.emailVerified, 'a verified address').to.not.equal(true)
          for (const [claim, value] of Object.entries(user.profile)) {
            const now = (change.profile ?? user.profile)[claim]
            if (entry.profile?.[claim] === undefined) expect(now).to.deep.equal(value)
            else if (typeof value === 'object' && typeof now === 'object')
              expect(Object.keys(now!)).to.include.members(Object.keys(value!))
          }
          const after = someone({ ...facts, ...definedOf(change), groups: [...user.groups, ...(change.groups ?? [])] })
          const again = await imported([entry], { known: [after], update: true, enable, closedDesk })
          expect(again.changes, 'a second run').to.deep.equal([])
        }
      }),
      { numRuns: propertyRuns(300) },
    )
  })

  it('says the faults of a line with their paths, and groups that are not there', async () => {
    const faults = [
      { path: '', message: 'is not JSON' },
      { path: 'email', message: 'must be an e-mail address' },
    ]
    const broken: ReadEntry = { kind: 'refused', at: 'line 7', username: undefined, faults }
    const { reasons } = await imported([broken, { username: 'new', groups: ['maths', 'ops'] }])
    expect(reasons).to.deep.equal([
      'line 7: is not JSON; email: must be an e-mail address',
      'line 2: groups: there is no ops; --create-groups creates them',
    ])
  })
})
