import { randomUUID } from 'node:crypto'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import type { Store } from '../../../src/store/store.ts'
import { createUsers } from '../../../src/store/people/users.ts'
import { addPerson, freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

describe(createUsers.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    return hasCode(error) ? `${error.code} ${error.faults[0]?.path}` : String(error)
  }

  it('finds a person by user name and e-mail address in every spelling', async () => {
    const user = await store.users.insert({ username: 'Ada Löv', email: 'Ada@Example.test', groups: ['b', 'a', 'b'] })
    const spellings = ['ada löv', ' ADA  LÖV ', 'ada lo\u0308v', 'ＡＤＡ löv', 'ADA@EXAMPLE.TEST', ' ada@example.test']
    for (const login of spellings) expect((await store.users.findByLogin(login))?.id, login).to.equal(user.id)
    expect(user.groups).to.deep.equal(['a', 'b'])
    expect(await store.users.findByLogin('ada')).to.equal(undefined)
  })

  it('never lets one name mean two accounts', async () => {
    await store.users.insert({ username: 'bob', email: 'bob@example.test' })
    const cases: [Parameters<typeof store.users.insert>[0], string][] = [
      [{ username: 'BOB' }, 'USERNAME_TAKEN username'],
      [{ username: 'bob2', email: 'Bob@Example.test' }, 'EMAIL_TAKEN email'],
      [{ username: 'Bob@example.test' }, 'USERNAME_INVALID username'],
      [{ username: 'mallory@example.test', email: 'other@example.test' }, 'USERNAME_INVALID username'],
      [{ username: 'bob3', email: 'bob@example\u3002test' }, 'EMAIL_TAKEN email'],
      [{ username: 'carl', email: 'carl' }, 'EMAIL_INVALID email'],
      [{ username: 'zoe', email: 'zo\u00aa@example.test' }, 'EMAIL_INVALID email'],
      [{ username: ' ' }, 'USERNAME_INVALID username'],
      [{ username: 'a\u0000b' }, 'USERNAME_INVALID username'],
      [{ username: 'a'.repeat(321) }, 'USERNAME_INVALID username'],
    ]
    for (const [user, expected] of cases)
      expect(await refusal(store.users.insert(user)), user.username).to.equal(expected)
    expect((await store.users.insert({ username: 'Dora@example.test', email: 'dora@example.test' })).username).to.equal(
      'Dora@example.test',
    )
  })

  it('stores the domain of an address in ASCII, and knows it by each of its spellings', async () => {
    const user = await store.users.insert({ username: 'ida@b\u00fccher.test', email: 'ida@b\u00fccher.test' })
    expect(user.email).to.equal('ida@xn--bcher-kva.test')
    for (const login of ['ida@b\u00fccher.test', 'IDA@B\u00dcCHER\u3002TEST', 'ida@XN--bcher-kva.test'])
      expect((await store.users.findByLogin(login))?.id, login).to.equal(user.id)
    const moved = await store.users
      .edit(user.id, { email: 'ida@\uff45xample.test' }, [])
      .catch((error) => refusal(Promise.reject(error)))
    expect(moved, 'its user name is its address').to.equal('USERNAME_INVALID username')
  })

  it('L12 refuses a user name of our own that looks like another one, and takes it from a directory', async () => {
    // the first letter is Cyrillic
    const username = '\u0430dmin'
    expect(await refusal(store.users.insert({ username }))).to.equal('USERNAME_INVALID username')
    const person = { username, email: undefined, emailVerified: false, name: undefined, locale: undefined, profile: {} }
    const found = { source: 'corp', key: 'look-alike', person: { ...person, disabled: false, groups: [] } }
    expect((await store.users.adopt(found, [])).user.username).to.equal(username)
  })

  it('E8 treats SQL in names and ids as text', async () => {
    const hostile = "x' OR '1'='1"
    expect(await store.users.findByLogin(hostile)).to.equal(undefined)
    expect(await store.accounts.load({ userId: hostile })).to.equal(undefined)
    const user = await store.users.insert({ username: hostile, name: '"; DROP TABLE users; --' })
    expect((await store.users.findByLogin(hostile))?.name).to.equal('"; DROP TABLE users; --')
    expect(user.username).to.equal(hostile)
  })

  it('E9 keeps __proto__ in a profile as data', async () => {
    const profile = JSON.parse('{"__proto__": {"admin": true}, "given_name": "Eve"}') as Record<string, unknown>
    const { id } = await store.users.insert({ username: 'proto', profile })
    const loaded = await store.accounts.load({ userId: id })
    expect((loaded!.user.profile as { admin?: unknown }).admin).to.equal(undefined)
    expect(Object.getOwnPropertyNames(loaded!.user.profile)).to.have.members(['__proto__', 'given_name'])
    expect(({} as { admin?: unknown }).admin).to.equal(undefined)
  })

  it('loads everything that is checked about a person with one query', async () => {
    const { id: userId } = await addPerson(store, { groups: ['ops'] })
    const before = store.database.counters().roundTrips
    const session = { uid: 'unknown', version: 1, authTime: new Date() }
    const loaded = await store.accounts.load({ userId, session, clientUid: 'none' })
    const granted = await store.accounts.loadGranted({ userId, session, grantId: 'none' })
    expect(store.database.counters().roundTrips - before).to.equal(2)
    expect(loaded).to.deep.include({ sessionLive: false, consent: undefined })
    expect(granted).to.deep.include({ sessionLive: false, grant: undefined, grantFrom: [], refreshSeq: undefined })
    for (const found of [loaded, granted]) expect(found!.user.groups).to.deep.equal(['ops'])
    expect(granted!.user).to.deep.equal(loaded!.user)
    expect((await store.accounts.load({ userId }))?.sessionLive).to.equal(true)
    expect(await store.accounts.load({ userId: randomUUID() })).to.equal(undefined)
  })

  const signedIn = async () => {
    const { id: userId } = await addPerson(store)
    const sessionUid = randomUUID()
    const grantId = randomUUID()
    const client = { clientUid: 'uid', clientId: 'id' }
    const authTime = new Date()
    await store.signIns.finish({
      device: { sessionUid, userId, version: 1, authTime, lifeMs: 60_000, ...client, sid: 'sid' },
      grant: { id: grantId, userId, ...client, sessionUid, offline: true, payload: {}, lifeMs: 60_000 },
      audit: [],
    })
    const session = { uid: sessionUid, version: 1, authTime }
    const load = () => store.accounts.loadGranted({ userId, session, grantId })
    return { userId, sessionUid, load }
  }

  it('T5 ends sessions and grants of a disabled person at once, and old ones stay dead when enabled again', async () => {
    const { userId, load } = await signedIn()
    expect((await load())?.sessionLive).to.equal(true)
    await store.users.setDisabled(userId, true, [{ event: 'account.disabled', outcome: 'success', userId }])
    const disabled = await load()
    expect([disabled?.user.disabled, disabled?.sessionLive, disabled?.grant]).to.deep.equal([true, false, undefined])
    await store.users.setDisabled(userId, false, [])
    const enabled = await load()
    expect([enabled?.user.disabled, enabled?.sessionLive, enabled?.grant]).to.deep.equal([false, false, undefined])
    expect(await store.audit.search({ userId, event: 'account.disabled', limit: 9 })).to.have.length(1)
  })

  it('ends every session of a person, and no session of others', async () => {
    const [mine, other] = [await signedIn(), await signedIn()]
    await store.users.revokeSessions(mine.userId, [])
    expect([(await mine.load())?.sessionLive, (await other.load())?.sessionLive]).to.deep.equal([false, true])
    expect((await mine.load())?.grant).to.equal(undefined)
  })

  it('ends one session, and names its clients once', async () => {
    const { userId, sessionUid, load } = await signedIn()
    const event = { event: 'session.ended', outcome: 'success', userId } as const
    expect((await store.devices.endSession(sessionUid, [event])).map(({ client }) => client?.id)).to.deep.equal(['id'])
    expect(await store.devices.endSession(sessionUid, [event])).to.deep.equal([])
    expect((await load())?.sessionLive).to.equal(false)
    expect(await store.audit.search({ userId, event: 'session.ended', limit: 9 })).to.have.length(1)
  })

  it('ends the other sessions when the password is changed, and keeps the one in which it was changed', async () => {
    const { userId, sessionUid, load } = await signedIn()
    const keepSession = { uid: sessionUid, version: 1 }
    await store.credentials.set(userId, 'hash-1', { others: { keepSession }, changeRequired: false, audit: [] })
    expect((await load())?.sessionLive).to.equal(true)
    await store.credentials.set(userId, 'hash-2', { changeRequired: true, audit: [] })
    const loaded = await load()
    expect([loaded?.sessionLive, loaded?.grant, loaded?.user.passwordChangeRequired]).to.deep.equal([
      false,
      undefined,
      true,
    ])
    await store.credentials.rehash(userId, 'hash-1', 'hash-3')
    expect(await store.credentials.find(userId)).to.equal('hash-2')
  })

  it('L2 refuses older cookies of the session in which the password was changed', async () => {
    const { userId, sessionUid, load } = await signedIn()
    const keepSession = { uid: sessionUid, version: 2 }
    await store.credentials.set(userId, 'hash-1', { others: { keepSession }, changeRequired: false, audit: [] })
    expect((await load())?.sessionLive).to.equal(false)
    const session = { uid: sessionUid, version: 2, authTime: new Date(0) }
    expect((await store.accounts.load({ userId, session }))?.sessionLive).to.equal(true)
  })

  it('L10 forgets a consent, and revokes the grants that depend on it', async () => {
    const { userId, load } = await signedIn()
    await store.signIns.finish({
      consent: { userId, clientUid: 'uid', clientId: 'id', scopes: ['openid'], payload: {} },
      audit: [],
    })
    expect((await store.consents.find(userId, 'uid'))?.clientId).to.equal('id')
    expect(await store.consents.revoke(userId, 'uid', [])).to.equal(true)
    expect(await store.consents.revoke(userId, 'uid', [])).to.equal(false)
    expect([await store.consents.find(userId, 'uid'), (await load())?.grant]).to.deep.equal([undefined, undefined])
  })

  it('adds people to groups and removes them', async () => {
    const { id } = await addPerson(store)
    expect(await store.groups.addMember('crew', id, [])).to.equal(true)
    expect(await store.groups.addMember('crew', id, [])).to.equal(false)
    expect((await store.groups.list()).find(({ name }) => name === 'crew')).to.deep.equal({ name: 'crew', members: 1 })
    expect((await store.accounts.load({ userId: id }))?.user.groups).to.deep.equal(['crew'])
    expect(await store.groups.removeMember('crew', id, [])).to.equal(true)
    expect(await store.groups.removeMember('crew', id, [])).to.equal(false)
  })
})
