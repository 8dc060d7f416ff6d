import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createRenewals } from '../../../src/store/sessions/renewals.ts'
import type { Renewal } from '../../../src/store/sessions/renewals.ts'
import type { NewFamily, NewGrant } from '../../../src/store/tokens/grants.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, beginFamily, familyOf, freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const hour = 3_600_000

describe(createRenewals.name, () => {
  let fresh: FreshStore
  let store: Store
  let userId: string
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
    userId = (await addPerson(store, { groups: ['ops'] })).id
  })
  after(() => fresh.stop())

  async function newGrant(about: Partial<NewGrant> = {}, ttl: Partial<NewFamily> = {}): Promise<string> {
    const id = randomUUID()
    const grant = { id, userId, clientUid: 'uid', clientId: 'id', sessionUid: undefined, offline: true, payload: {} }
    await store.grants.insert({ ...grant, lifeMs: hour, ...about })
    await beginFamily(store, id, ttl)
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
    expect(renewed?.family).to.deep.equal(await familyOf(store, grantId))
    expect(renewed?.family?.seq).to.equal(2)
  })

  it('T1 makes one successor of 20 parallel uses over 3 replicas', async () => {
    const replicas = [store, fresh.replica(), fresh.replica()]
    const grantId = await newGrant()
    const all = await Promise.all(Array.from({ length: 20 }, (_, turn) => renew(grantId, 1, {}, replicas[turn % 3]!)))
    expect(all.filter((renewed) => renewed?.family !== undefined)).to.have.length(1)
    expect(await familyOf(store, grantId)).to.include({ seq: 2 })
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
    ['an expired grant', async () => [await newGrant({ lifeMs: -1000 })]],
    ['a grant that came of another one', async () => [await child()]],
    ['another person', async () => [await newGrant(), 1, { userId: (await addPerson(store)).id }]],
    ['a person of another source', () => ofOther()],
    ['a disabled person', () => ofDisabled()],
  ]
  for (const [what, asked] of kept)
    it(`leaves a family as it is: ${what}`, async () => {
      const [grantId, seq, more] = await asked()
      const before = await familyOf(store, grantId)
      expect((await renew(grantId, seq, more))?.family).to.equal(undefined)
      expect(await familyOf(store, grantId)).to.deep.equal(before)
    })

  it('asks nothing but the rows where its caller has judged', async () => {
    const judged = { terms: 'judged' } as const
    const [grantId, seq, of] = await ofOther()
    for (const asked of [[grantId, seq, of], [await child()], [await newGrant({ clientUid: 'other' })]] as const)
      expect((await renew(asked[0], asked[1], { ...asked[2], ...judged }))?.family).to.include({ seq: 2 })
    for (const [id, shown] of [[await ended(), 1] as const, [grantId, 1] as const, [await newGrant(), 2] as const])
      expect((await renew(id, shown, judged))?.family).to.equal(undefined)
  })

  it('knows nobody of an unknown id', async () => {
    expect(await renew(await newGrant(), 1, { userId: randomUUID() })).to.equal(undefined)
    expect(await renew(await newGrant(), 1, { userId: 'no id' })).to.equal(undefined)
  })

  const rotate = (grantId: string, seq: number, { graceMs = 10_000, from = store, reason = '', keeps = false } = {}) =>
    from.renewals.rotate({
      userId,
      grantId,
      seq,
      graceMs,
      idleTtlMs: hour,
      keeps,
      auditOnReuse: [{ event: 'refresh.reuse', outcome: 'failure', reason }],
    })

  it('T1 gives the same successor to 20 parallel uses over 3 replicas', async () => {
    const replicas = [store, fresh.replica(), fresh.replica()]
    const grantId = await newGrant()
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, turn) => rotate(grantId, 1, { from: replicas[turn % 3]! })),
    )
    expect(outcomes.filter(({ kind }) => kind === 'rotated')).to.have.length(1)
    expect(outcomes.filter(({ kind }) => kind === 'repeated')).to.have.length(19)
    const successors = new Set(outcomes.map((outcome) => 'seq' in outcome && `${outcome.seq}@${outcome.rotatedAt}`))
    expect([...successors]).to.have.length(1)
    expect(await familyOf(store, grantId)).to.include({ seq: 2 })
  })

  it('T1 gives the same successor again after a lost answer, and the family stays alive', async () => {
    const grantId = await newGrant()
    const first = await rotate(grantId, 1)
    const again = await rotate(grantId, 1)
    expect(first.kind).to.equal('rotated')
    expect(again).to.deep.equal({ ...first, kind: 'repeated' })
    expect(await rotate(grantId, 2)).to.include({ kind: 'rotated', seq: 3 })
  })

  it('T1 revokes family and grant when a token older than the predecessor is used, with one audit row', async () => {
    const grantId = await newGrant()
    const reason = randomUUID()
    await rotate(grantId, 1)
    await rotate(grantId, 2)
    const shown = await Promise.all(Array.from({ length: 5 }, () => rotate(grantId, 1, { reason })))
    expect(shown.map(({ kind }) => kind))
      .to.include('reused')
      .and.to.not.include('repeated')
    expect((await rotate(grantId, 3, { reason })).kind).to.equal('gone')
    expect((await rotate(grantId, 1, { reason })).kind).to.equal('gone')
    expect(await store.grants.find(grantId)).to.equal(undefined)
    const rows = (await store.audit.search({ event: 'refresh.reuse', limit: 1000 })).filter(
      (row) => row.reason === reason,
    )
    expect(rows).to.have.length(1)
  })

  it('T1 revokes the family when the predecessor is used after its grace', async () => {
    const grantId = await newGrant()
    await rotate(grantId, 1)
    expect((await rotate(grantId, 1, { graceMs: 0 })).kind).to.equal('reused')
    expect((await rotate(grantId, 2)).kind).to.equal('gone')
  })

  it('keeps the token of a family that is not rotated, makes it live on, and refuses one from before', async () => {
    const grantId = await newGrant({}, { idleTtlMs: 60_000, absoluteTtlMs: 2 * hour })
    const [before, ...later] = [await rotate(grantId, 1, { keeps: true }), await rotate(grantId, 1, { keeps: true })]
    expect(before).to.include({ seq: 1 })
    expect(before)
      .to.have.property('expiresAt')
      .that.is.above(Date.now() + hour / 2)
    expect(later[0]).to.include({ seq: 1, rotatedAt: 'rotatedAt' in before ? before.rotatedAt : 0 })
    const rotated = await newGrant()
    await rotate(rotated, 1)
    await rotate(rotated, 2, { keeps: true })
    expect((await rotate(rotated, 1, { keeps: true, graceMs: 0 })).kind).to.equal('reused')
    expect((await rotate(rotated, 2, { keeps: true })).kind).to.equal('gone')
  })

  it('F27 refuses a token that is newer than its row, as after a restore, and revokes nothing', async () => {
    const grantId = await newGrant()
    expect((await rotate(grantId, 5)).kind).to.equal('gone')
    expect(await rotate(grantId, 1)).to.include({ kind: 'rotated' })
  })

  it('ends an unused family, and never lets it live longer than its absolute time or its grant', async () => {
    expect((await rotate(await newGrant({}, { idleTtlMs: -1 }), 1)).kind).to.equal('gone')
    expect((await rotate(await newGrant({}, { absoluteTtlMs: -1 }), 1)).kind).to.equal('gone')
    expect((await rotate(await newGrant({ lifeMs: -1 }), 1)).kind).to.equal('gone')
    const short = await newGrant({}, { absoluteTtlMs: 60_000 })
    const rotated = await rotate(short, 1)
    expect(rotated)
      .to.have.property('expiresAt')
      .that.is.below(Date.now() + 61_000)
  })

  it('T5 does not rotate for a revoked grant', async () => {
    const grantId = await newGrant()
    await store.grants.revoke(grantId)
    expect((await rotate(grantId, 1)).kind).to.equal('gone')
  })

  const someSession = () => ({ uid: randomUUID(), version: 1, authTime: new Date() })

  async function ended(): Promise<string> {
    const grantId = await newGrant()
    await store.grants.revoke(grantId)
    return grantId
  }

  async function child(): Promise<string> {
    const id = randomUUID()
    const about = { clientUid: 'uid', clientId: 'id', payload: {}, lifeMs: hour }
    expect(await store.grants.insertChild({ parentId: await newGrant(), id, ...about })).to.equal('stored')
    await beginFamily(store, id)
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
