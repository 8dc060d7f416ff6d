import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createRenewals } from '../../../src/store/sessions/renewals.ts'
import type { Renewal } from '../../../src/store/sessions/renewals.ts'
import type { NewGrant } from '../../../src/store/tokens/grants.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore, inMs } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const hour = 3_600_000

describe(createRenewals.name, () => {
  let fresh: FreshStore
  let store: Store
  let userId: string
  before(async function () {
    this.timeout(30_000)
    fresh = await freshStore()
    store = fresh.replica()
    userId = (await addPerson(store, { groups: ['ops'] })).id
  })
  after(() => fresh.stop())

  async function newGrant(about: Partial<NewGrant> = {}, ttl: { absoluteTtlMs?: number } = {}): Promise<string> {
    const id = randomUUID()
    const grant = { id, userId, clientUid: 'uid', clientId: 'id', sessionUid: undefined, offline: true, payload: {} }
    await store.grants.insert({ ...grant, expiresAt: inMs(hour), ...about })
    await store.refreshFamilies.insert({ grantId: id, payload: {}, idleTtlMs: hour, absoluteTtlMs: hour, ...ttl })
    return id
  }
  const terms = { clientUid: 'uid', sector: undefined, allowedGroups: [], strictGroups: [] }
  const renew = (grantId: string, seq = 1, more: Partial<Renewal> = {}, from = store) =>
    from.renewals.renew({ userId, grantId, seq, idleTtlMs: hour, terms, ...more })

  it('gives person and grant, and makes the successor, in one round trip and one commit', async () => {
    const grantId = await newGrant()
    const before = store.database.counters()
    const renewed = await renew(grantId)
    const after = store.database.counters()
    expect([after.roundTrips - before.roundTrips, after.commits - before.commits]).to.deep.equal([1, 1])
    expect(renewed?.account.user).to.deep.include({ id: userId, groups: ['ops'] })
    expect(renewed?.account.grant?.id).to.equal(grantId)
    const { payload: _, ...family } = (await store.refreshFamilies.find(grantId))!
    expect(renewed?.family).to.deep.equal(family)
    expect(family.seq).to.equal(2)
  })

  it('T1 makes one successor of 20 parallel uses over 3 replicas', async () => {
    const replicas = [store, fresh.replica(), fresh.replica()]
    const grantId = await newGrant()
    const all = await Promise.all(Array.from({ length: 20 }, (_, turn) => renew(grantId, 1, {}, replicas[turn % 3]!)))
    expect(all.filter((renewed) => renewed?.family !== undefined)).to.have.length(1)
    expect(await store.refreshFamilies.find(grantId)).to.include({ seq: 2 })
  })

  it('never lets a family live longer than its absolute time', async () => {
    const grantId = await newGrant({}, { absoluteTtlMs: 60_000 })
    expect((await renew(grantId))?.family?.expiresAt).to.be.below(Date.now() + 61_000)
  })

  const kept: readonly [string, () => Promise<Parameters<typeof renew>>][] = [
    ['a token that is not the newest', async () => [await newGrant(), 2]],
    ['the grant of another client', async () => [await newGrant({ clientUid: 'other' })]],
    ['a client of another sector', async () => [await newGrant({ payload: { sector: 'a.example' } })]],
    ['a client that may ask for more to be judged', async () => [await newGrant(), 1, { terms: undefined }]],
    ['a session that is not there', async () => [await newGrant({ offline: false }), 1, { session: someSession() }]],
    ['a grant that has ended', async () => [await ended()]],
    ['an expired grant', async () => [await newGrant({ expiresAt: inMs(-1000) })]],
    ['a grant that came of another one', async () => [await child()]],
    ['another person', async () => [await newGrant(), 1, { userId: (await addPerson(store)).id }]],
    ['a person of another source', () => ofOther()],
    ['a disabled person', () => ofDisabled()],
  ]
  for (const [what, asked] of kept)
    it(`leaves a family as it is: ${what}`, async () => {
      const [grantId, seq, more] = await asked()
      const before = await store.refreshFamilies.find(grantId)
      expect((await renew(grantId, seq, more))?.family).to.equal(undefined)
      expect(await store.refreshFamilies.find(grantId)).to.deep.equal(before)
    })

  it('knows nobody of an unknown id', async () => {
    expect(await renew(await newGrant(), 1, { userId: randomUUID() })).to.equal(undefined)
    expect(await renew(await newGrant(), 1, { userId: 'no id' })).to.equal(undefined)
  })

  const someSession = () => ({ uid: randomUUID(), version: 1, authTime: new Date() })

  async function ended(): Promise<string> {
    const grantId = await newGrant()
    await store.grants.revoke(grantId)
    return grantId
  }

  async function child(): Promise<string> {
    const id = randomUUID()
    const about = { clientUid: 'uid', clientId: 'id', payload: {}, expiresAt: inMs(hour) }
    expect(await store.grants.insertChild({ parentId: await newGrant(), id, ...about })).to.equal('stored')
    await store.refreshFamilies.insert({ grantId: id, payload: {}, idleTtlMs: hour, absoluteTtlMs: hour })
    return id
  }

  async function ofOther(): Promise<Parameters<typeof renew>> {
    const username = `other-${randomUUID().slice(0, 8)}`
    const person = { username, email: undefined, emailVerified: false, name: undefined, locale: undefined }
    const found = { source: 'ldap', key: username, person: { ...person, profile: {}, disabled: false, groups: [] } }
    const { user } = await store.users.adopt(found, [])
    return [await newGrant({ userId: user.id }), 1, { userId: user.id }]
  }

  async function ofDisabled(): Promise<Parameters<typeof renew>> {
    const { id } = await addPerson(store)
    await store.users.setDisabled(id, true, [])
    // one that came just then
    return [await newGrant({ userId: id }), 1, { userId: id }]
  }
})
