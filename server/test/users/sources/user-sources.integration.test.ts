import { randomUUID } from 'node:crypto'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import type { Store } from '../../../src/store/store.ts'
import { createPasswords } from '../../../src/users/passwords/passwords.ts'
import { createPostgresUsers } from '../../../src/users/sources/postgres-users.ts'
import type { UserSource } from '../../../src/users/sources/user-source.ts'
import { createUserSources } from '../../../src/users/sources/user-sources.ts'
import type { SignInOutcome } from '../../../src/users/sources/try-password.ts'
import type { UserSources } from '../../../src/users/sources/user-sources.ts'
import { userSourceConformance } from '../../conformance/user-source.ts'
import { freshStore } from '../../store/fresh-store.ts'
import type { FreshStore } from '../../store/fresh-store.ts'
import { createMemoryDirectory, directorySource } from '../memory-directory.ts'
import type { MemoryDirectory } from '../memory-directory.ts'

const limits = { perAccount: 5, perAddress: 1000, windowMs: 600_000, lockMs: 600_000 }
const maxAgeMs = 30_000
const password = 'correct horse battery staple'

userSourceConformance(
  createMemoryDirectory.name,
  async () => {
    const fresh = await freshStore()
    const [one, other] = [fresh.replica(), fresh.replica()]
    const directory = createMemoryDirectory()
    const keys = new Map<string, string>()
    let now = 0
    const usersOf = (store: Store, isDown = false) =>
      createUserSources({
        sources: [directory.source({ maxAgeMs, now: () => now, isDown: () => isDown })],
        store,
        limits,
      })
    const replicas = [usersOf(one), usersOf(other)] as const
    const change = async (userId: string, changes: Parameters<MemoryDirectory['change']>[1]) =>
      directory.change(keys.get(userId)!, changes)
    return {
      replicas,
      away: usersOf(one, true),
      store: one,
      perAccount: limits.perAccount,
      maxAgeMs,
      async addPerson(person) {
        const key = directory.add(person)
        const outcome = await replicas[0].tryPassword(person.username, person.password, { address: '192.0.2.7' })
        if (outcome.kind !== 'passed') throw new Error(outcome.kind)
        await one.attempts.clear(outcome.attempt)
        keys.set(outcome.user.id, key)
        return outcome.user.id
      },
      change,
      disable: (userId) => change(userId, { disabled: true }),
      remove: async (userId) => directory.remove(keys.get(userId)!),
      pass: (milliseconds) => {
        now += milliseconds
      },
      clear: (attempt) => one.attempts.clear(attempt),
      end: () => fresh.stop(),
    }
  },
  { changesPasswords: false },
)

describe(createUserSources.name, () => {
  let fresh: FreshStore
  let store: Store
  let directory: MemoryDirectory
  let users: UserSources
  let now: number
  let isDown: boolean
  const passwords = createPasswords({ width: 2, waitMs: 20_000, longest: 1000 })
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())
  beforeEach(() => {
    now = 0
    isDown = false
    directory = createMemoryDirectory()
    const sources = [
      createPostgresUsers({ store, passwords }),
      directory.source({ maxAgeMs, now: () => now, isDown: () => isDown }),
    ] as const
    users = createUserSources({ sources: [...sources], store, limits })
  })

  const newName = () => `user-${randomUUID().slice(0, 8)}`
  const attempt = (login: string, secret = password) => users.tryPassword(login, secret, { address: '192.0.2.1' })
  const signIn = async (login: string) => {
    const outcome = await attempt(login)
    if (outcome.kind !== 'passed') throw new Error(JSON.stringify(outcome))
    return outcome.user
  }
  const reasonOf = (outcome: SignInOutcome) => (outcome.kind === 'refused' ? outcome.reason : outcome.kind)
  const addOwn = async (username: string, email?: string) =>
    store.users.insert({ username, email, passwordHash: await passwords.hash(password) })
  const addThere = (username: string, about: { password?: string; email?: string; alias?: string } = {}) =>
    directory.add({ username, email: `${username}@example.test`, password, groups: ['staff'], ...about })

  it('asks the sources in their order, and loads each person from the right one', async () => {
    const [here, there] = [newName(), newName()]
    await addOwn(here)
    addThere(there)
    const [own, other] = [await signIn(here), await signIn(there)]
    expect([own.source, other.source]).to.deep.equal(['postgres', directorySource])
    expect((await users.load({ userId: own.id }))?.user.username).to.equal(here)
    expect((await users.load({ userId: other.id }))?.user.groups).to.deep.equal(['staff'])
  })

  it('creates one record at the first sign-in, with one audit event, however many sign-ins come at once', async () => {
    const name = newName()
    addThere(name)
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => attempt(name)))
    const ids = outcomes.map((outcome) => outcome.kind === 'passed' && outcome.user.id)
    expect(new Set(ids).size).to.equal(1)
    const events = await store.audit.search({ userId: String(ids[0]), event: 'account.created', limit: 9 })
    expect(events.map(({ reason, address }) => ({ reason, address }))).to.deep.equal([
      { reason: directorySource, address: '192.0.2.1' },
    ])
  })

  it('L12 never takes an equal name or address for the same person', async () => {
    const name = newName()
    await addOwn(name, `${name}@example.test`)
    addThere(name, { password: 'their own long password' })
    // one of our own people has this login, so no other source is asked
    expect(reasonOf(await attempt(name, 'their own long password'))).to.equal('wrong-password')
    expect((await signIn(name)).source).to.equal('postgres')
    const alias = newName()
    addThere(alias, { email: `${name}@example.test` })
    expect(reasonOf(await attempt(alias))).to.equal('name-taken')
  })

  it('L12 gives a person who now has the user name of somebody else no part of that record', async () => {
    const name = newName()
    const first = addThere(name)
    const { id } = await signIn(name)
    directory.remove(first)
    const second = addThere(name)
    expect(reasonOf(await attempt(name))).to.equal('name-taken')
    directory.change(second, { username: `${name}-2`, email: undefined })
    expect((await signIn(`${name}-2`)).id).to.not.equal(id)
  })

  it('L12 keeps the names of a record while somebody else has those that the directory says now', async () => {
    const [name, taken] = [newName(), newName()]
    const key = addThere(name)
    const { id } = await signIn(name)
    await addOwn(taken, `${taken}@example.test`)
    const seen = async () => {
      now += maxAgeMs
      const { username, email, groups } = (await users.load({ userId: id }))!.user
      return { username, email, groups }
    }
    const email = `${name}@example.test`
    directory.change(key, { username: taken, groups: ['crew'] })
    expect(await seen()).to.deep.equal({ username: name, email, groups: ['crew'] })
    directory.change(key, { username: name, email: `${taken}@example.test` })
    expect(await seen()).to.deep.equal({ username: name, email, groups: ['crew'] })
    // and the person still gets in, by the name that leads to them there and to nobody here
    directory.change(key, { username: `${name}-2` })
    expect(await signIn(`${name}-2`)).to.include({ id, username: name, email })
    // as soon as both are free they are taken, and nobody else can get them
    directory.change(key, { email: `${name}-2@example.test` })
    expect(await seen()).to.deep.include({ username: `${name}-2`, email: `${name}-2@example.test` })
    const refused = await addOwn(`${name}-2`).catch((reason: unknown) => reason)
    expect(hasCode(refused, 'USERNAME_TAKEN')).to.equal(true)
  })

  it('L12 reserves the names of people of a directory who were never here, and knows nothing while it is away', async () => {
    const [name, alias] = [newName(), `${newName()}@corp.example`]
    addThere(name, { alias })
    for (const username of [name.toUpperCase(), `${name}@example.test`, alias])
      expect(await users.isReserved({ username, email: undefined }), username).to.equal(true)
    expect(await users.isReserved({ username: newName(), email: `${name}@example.test` })).to.equal(true)
    expect(await users.isReserved({ username: newName(), email: undefined })).to.equal(false)
    isDown = true
    const error = await users.isReserved({ username: newName(), email: undefined }).catch((reason: unknown) => reason)
    expect(hasCode(error, 'STORE_UNAVAILABLE')).to.equal(true)
  })

  it('L7 counts the failures of a person of a directory together, whichever of their names was typed', async () => {
    for (const wasHere of [true, false]) {
      const [name, alias] = [newName(), newName()]
      addThere(name, { alias })
      if (wasHere) await signIn(name)
      const names = [alias, name, `${name}@example.test`]
      for (let turn = 0; turn < limits.perAccount; turn++)
        expect(reasonOf(await attempt(names[turn % names.length]!, 'wrong'))).to.equal('wrong-password')
      for (const one of names) expect(reasonOf(await attempt(one)), `${one} ${wasHere}`).to.equal('locked')
    }
  })

  it('L7 allows exactly the limit of parallel guesses at a person, over all of their names', async () => {
    const [name, alias] = [newName(), newName()]
    addThere(name, { alias })
    const guesses = Array.from({ length: 16 }, (_, n) => attempt(n % 2 === 0 ? name : alias, 'wrong'))
    const reasons = (await Promise.all(guesses)).map(reasonOf)
    expect(reasons.filter((reason) => reason === 'wrong-password')).to.have.length(limits.perAccount)
  })

  it('forgets the failures under every name once a sign-in under one of them is finished, and tells whose they were', async () => {
    const [name, alias] = [newName(), newName()]
    addThere(name, { alias })
    const { id } = await signIn(name)
    const failed = await attempt(alias, 'wrong')
    expect(failed).to.include({ userId: id })
    for (let turn = 2; turn < limits.perAccount; turn++) await attempt(alias, 'wrong')
    expect((await store.attempts.failuresOf(id)).signIns?.count).to.equal(limits.perAccount - 1)
    const passed = await attempt(alias)
    if (passed.kind !== 'passed') throw new Error(reasonOf(passed))
    await store.attempts.clear(passed.attempt)
    expect((await store.attempts.failuresOf(id)).signIns).to.equal(undefined)
    expect(reasonOf(await attempt(alias, 'wrong'))).to.equal('wrong-password')
  })

  it('L6 counts nothing under any name of a person while a directory fails after it has found them', async () => {
    const [name, alias] = [newName(), newName()]
    addThere(name, { alias })
    const { id } = await signIn(name)
    const there = directory.source({ maxAgeMs, now: () => now })
    const failing: UserSource = {
      ...there,
      async checkPassword(asked) {
        await there.checkPassword(asked)
        throw new CodedError('STORE_UNAVAILABLE', { message: 'the directory has gone' })
      },
    }
    const broken = createUserSources({ sources: [failing], store, limits })
    for (let turn = 0; turn < 2 * limits.perAccount; turn++)
      await broken.tryPassword(alias, password, { address: '192.0.2.9' }).catch(() => undefined)
    expect((await store.attempts.failuresOf(id)).signIns).to.equal(undefined)
    expect((await signIn(alias)).id).to.equal(id)
  })

  it('T5 refuses a person whom an administrator disabled here, whatever the directory says', async () => {
    const name = newName()
    addThere(name)
    const { id } = await signIn(name)
    await store.users.setDisabled(id, true, [])
    expect(reasonOf(await attempt(name))).to.equal('disabled')
    expect((await users.load({ userId: id }))?.user.disabled).to.equal(true)
  })

  it('F8 uses the last answer of a directory up to its maximum age, then throws STORE_UNAVAILABLE', async () => {
    const name = newName()
    addThere(name)
    const { id } = await signIn(name)
    await users.load({ userId: id })
    isDown = true
    now += maxAgeMs - 1
    expect((await users.load({ userId: id }))?.user.groups).to.deep.equal(['staff'])
    now += 1
    const error = await users.load({ userId: id }).catch((reason: unknown) => reason)
    expect(hasCode(error, 'STORE_UNAVAILABLE')).to.equal(true)
  })

  it('F8 lets our own people sign in while a directory is away', async () => {
    const name = newName()
    await addOwn(name)
    isDown = true
    expect((await signIn(name)).username).to.equal(name)
  })

  it('L4 tells each refusal at the same moment, where a directory decides how long a check takes', async () => {
    let elapsed = 0
    const clock = { now: () => elapsed, wait: async (milliseconds: number) => void (elapsed += milliseconds) }
    const taking = (milliseconds: number, source: UserSource): UserSource => ({
      ...source,
      checkPassword(asked) {
        elapsed += milliseconds
        return source.checkPassword(asked)
      },
    })
    const there = { ...directory.source({ maxAgeMs, now: () => now }), refusalStepMs: 250 }
    const sources = [taking(30, createPostgresUsers({ store, passwords })), taking(140, there)]
    const timed = createUserSources({ sources, store, limits, clock })
    const [own, other] = [newName(), newName()]
    await addOwn(own)
    addThere(other)
    const tookFor = async (login: string, secret: string) => {
      elapsed = 10_000
      const outcome = await timed.tryPassword(login, secret, { address: '192.0.2.3' })
      return [reasonOf(outcome), elapsed - 10_000]
    }
    expect(await tookFor(other, password)).to.deep.equal(['passed', 170])
    for (let turn = 0; turn < limits.perAccount; turn++) {
      expect(await tookFor(own, 'wrong')).to.deep.equal(['wrong-password', 250])
      expect(await tookFor(other, 'wrong')).to.deep.equal(['wrong-password', 250])
    }
    expect(await tookFor(`nobody-${own}`, 'wrong')).to.deep.equal(['unknown-user', 250])
    expect(await tookFor(own, password)).to.deep.equal(['locked', 250])
    expect(await tookFor(other, password)).to.deep.equal(['locked', 250])
    // a slower directory moves them to the next step, the fast and the slow alike
    const slow = createUserSources({ sources: [taking(251, there)], store, limits, clock })
    elapsed = 0
    await slow.tryPassword(`nobody-${other}`, 'wrong', { address: '192.0.2.3' })
    expect(elapsed).to.equal(500)
  })

  it('L6 counts no attempt that got no answer, however many there are', async () => {
    const name = newName()
    await addOwn(name)
    const full = new CodedError('PASSWORD_QUEUE_FULL', { message: 'too many at once' })
    const busy = { ...createPostgresUsers({ store, passwords }), checkPassword: () => Promise.reject(full) }
    const overloaded = createUserSources({ sources: [busy], store, limits })
    for (let turn = 0; turn < 20; turn++) {
      const outcome = await overloaded.tryPassword(name, password, { address: '192.0.2.2' }).catch(() => undefined)
      expect(outcome?.kind).to.not.equal('passed')
    }
    expect((await signIn(name)).username).to.equal(name)
  })

  it('finds nobody whose source is not configured any more', async () => {
    const name = newName()
    addThere(name)
    const { id } = await signIn(name)
    const without = createUserSources({ sources: [createPostgresUsers({ store, passwords })], store, limits })
    expect(await without.load({ userId: id })).to.equal(undefined)
    const outcome = await without.tryPassword(name, password, { address: '192.0.2.1' })
    expect(reasonOf(outcome)).to.equal('unknown-user')
  })

  it('asks PostgreSQL once for a person of its own, and once for one of a directory', async () => {
    const [here, there] = [newName(), newName()]
    await addOwn(here)
    addThere(there)
    for (const { id } of [await signIn(here), await signIn(there)]) {
      const before = store.database.counters().roundTrips
      await users.loadGranted({ userId: id, grantId: 'none' })
      expect(store.database.counters().roundTrips - before).to.equal(1)
    }
  })
})
