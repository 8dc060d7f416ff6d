import { randomUUID } from 'node:crypto'
import { hash as argon2Hash } from '@node-rs/argon2'
import { expect } from 'chai'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { createCeiling } from '../../../src/users/passwords/ceiling.ts'
import type { Ceiling } from '../../../src/users/passwords/ceiling.ts'
import { createPasswords } from '../../../src/users/passwords/passwords.ts'
import type { Passwords } from '../../../src/users/passwords/passwords.ts'
import { createPostgresUsers } from '../../../src/users/sources/postgres-users.ts'
import { createUserSources } from '../../../src/users/sources/user-sources.ts'
import type { UserSources } from '../../../src/users/sources/user-sources.ts'
import { compareTimes, processorTime } from '../../paired-times.ts'
import { userSourceConformance } from '../../conformance/user-source.ts'
import { awayFrom, freshStore } from '../../store/fresh-store.ts'
import type { FreshStore } from '../../store/fresh-store.ts'

const limits = { perAccount: 5, perAddress: 1000, windowMs: 600_000, lockMs: 600_000 }
const passwords = createPasswords({ width: 2, waitMs: 20_000, longest: 1000 })

const usersOf = (
  store: Store,
  over: { limits?: Partial<typeof limits>; passwords?: Passwords; ceiling?: Ceiling } = {},
): UserSources =>
  createUserSources({
    sources: [createPostgresUsers({ store, passwords: over.passwords ?? passwords })],
    store,
    limits: { ...limits, ...over.limits },
    ceiling: over.ceiling,
  })

const rename = statement('test-rename', 'UPDATE users SET username = $2, canonical_username = $2 WHERE id = $1')
const leave = statement('test-leave', 'DELETE FROM group_members WHERE user_id = $1')
const join = statement(
  'test-join',
  `WITH made AS (INSERT INTO groups (id, name) SELECT gen_random_uuid(), name FROM unnest($2::text[]) name
     ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id)
   INSERT INTO group_members (user_id, group_id) SELECT $1, id FROM made`,
)
const remove = statement('test-remove', 'DELETE FROM users WHERE id = $1')

userSourceConformance(
  createPostgresUsers.name,
  async () => {
    const fresh = await freshStore()
    const [one, other] = [fresh.replica(), fresh.replica()]
    const away = awayFrom(fresh)
    return {
      replicas: [usersOf(one), usersOf(other)],
      away: usersOf(away),
      store: one,
      perAccount: limits.perAccount,
      maxAgeMs: 0,
      addPerson: async ({ password, ...person }) =>
        (await one.users.insert({ ...person, passwordHash: await passwords.hash(password) })).id,
      change: (userId, { username, groups }) =>
        one.database.transaction(async (connection) => {
          await connection.query(rename, [userId, username])
          await connection.query(leave, [userId])
          await connection.query(join, [userId, groups])
        }),
      disable: async (userId) => {
        await one.users.setDisabled(userId, true, [])
      },
      remove: async (userId) => {
        await one.database.query(remove, [userId])
      },
      pass: () => undefined,
      clear: (attempt) => one.attempts.clear(attempt),
      async end() {
        await away.stop()
        await fresh.stop()
      },
    }
  },
  { changesPasswords: true },
)

describe(createPostgresUsers.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  const password = 'correct horse battery staple'
  const addPerson = async (hash: string) => {
    const username = `user-${randomUUID().slice(0, 8)}`
    return store.users.insert({ username, passwordHash: hash })
  }

  it('needs one round trip and one commit for a right password', async () => {
    const users = usersOf(store)
    const { username } = await addPerson(await passwords.hash(password))
    const before = store.database.counters()
    expect((await users.tryPassword(username, password, { address: '192.0.2.1' })).kind).to.equal('passed')
    const after = store.database.counters()
    expect([after.roundTrips - before.roundTrips, after.commits - before.commits]).to.deep.equal([1, 1])
  })

  it('upgrades a hash of another cost at the next sign-in', async () => {
    const users = usersOf(store)
    const user = await addPerson(await argon2Hash(password, { algorithm: 2, memoryCost: 8192, timeCost: 2 }))
    expect((await users.tryPassword(user.username, password, { address: '192.0.2.1' })).kind).to.equal('passed')
    expect(await store.credentials.find(user.id)).to.match(/m=19456,t=2,p=1/)
    expect((await users.tryPassword(user.username, password, { address: '192.0.2.1' })).kind).to.equal('passed')
  })

  it('L6 answers 429 to an address over its limit, for every account, and lets other addresses in', async () => {
    const users = usersOf(store, { limits: { perAddress: 3 } })
    const { username } = await addPerson(await passwords.hash(password))
    const flood = { address: '203.0.113.9' }
    for (let turn = 0; turn < 3; turn++) await users.tryPassword(`nobody-${turn}-${username}`, 'guess', flood)
    const outcome = await users.tryPassword(username, password, flood)
    expect(outcome.kind === 'busy' && outcome.retryAfterSeconds).to.be.within(1, 600)
    expect((await users.tryPassword(username, password, { address: '203.0.113.10' })).kind).to.equal('passed')
  })

  it('L6 where addresses are unknown, failures of some lock nobody else out, and each account keeps its own limit', async () => {
    const ceiling = createCeiling({ now: () => performance.now() })
    const users = usersOf(store, { limits: { perAddress: 6, perAccount: 5 }, ceiling })
    const { username } = await addPerson(await passwords.hash(password))
    const proxy = { address: '10.0.0.1' }
    for (let turn = 0; turn < 8; turn++) await users.tryPassword(`nobody-${turn}-${username}`, 'guess', proxy)
    expect((await users.tryPassword(username, password, proxy)).kind).to.equal('passed')
    for (let turn = 0; turn < 5; turn++) await users.tryPassword(`one-${username}`, 'guess', proxy)
    const locked = await users.tryPassword(`one-${username}`, 'guess', proxy)
    expect(locked.kind === 'refused' && locked.reason).to.equal('locked')
  })

  it('L6 where addresses are unknown, a replica answers 429 for the rest of a minute with too many refusals', async () => {
    let now = 0
    const users = usersOf(store, { ceiling: createCeiling({ now: () => now, most: 3 }) })
    const { username } = await addPerson(await passwords.hash(password))
    const proxy = { address: '10.0.0.2' }
    for (let turn = 0; turn < 3; turn++) await users.tryPassword(`nobody-${turn}-${username}`, 'guess', proxy)
    expect(await users.tryPassword(username, password, proxy)).to.deep.equal({ kind: 'busy', retryAfterSeconds: 60 })
    now += 60_000
    expect((await users.tryPassword(username, password, proxy)).kind).to.equal('passed')
  })

  it('E10 answers 429 when the hash queue is full', async () => {
    const full = createPasswords({ width: 1, waitMs: 1, longest: 1 })
    const users = usersOf(store, { passwords: full })
    const { username } = await addPerson(await passwords.hash(password))
    // one hash is computed and one waits, all the time, however fast the attempts come
    let isOver = false
    const fill = async () => {
      while (!isOver) await full.hash(password).catch(() => undefined)
    }
    const filled = [fill(), fill()]
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => users.tryPassword(username, password, { address: '192.0.2.2' })),
    )
    isOver = true
    await Promise.all(filled)
    expect(outcomes.filter(({ kind }) => kind === 'busy').length).to.be.at.least(1)
    expect(outcomes.filter(({ kind }) => kind === 'refused')).to.have.length(0)
  })

  it('L4 takes as long for an unknown person as for a wrong password', async () => {
    const users = usersOf(store, { limits: { perAccount: 10_000 } })
    const { username } = await addPerson(await passwords.hash(password))
    const { differences, shortest } = await compareTimes(
      {
        unknown: (round) =>
          users.tryPassword(`nobody-${round}-${username}`, 'guess', { address: `198.51.100.${round}` }),
        known: (round) => users.tryPassword(username, 'guess', { address: `203.0.113.${round}` }),
      },
      { withinMs: 5, now: processorTime },
    )
    expect(Math.abs(differences['unknown - known']!)).to.be.below(5)
    // one hash takes some 20 ms: each did check a password
    expect(shortest).to.be.above(5)
  }).timeout(180_000)
})
