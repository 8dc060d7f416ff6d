import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createRefreshFamilies } from '../../../src/store/tokens/refresh-families.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore, inMs } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const hour = 3_600_000

describe(createRefreshFamilies.name, () => {
  let fresh: FreshStore
  let store: Store
  let userId: string
  before(async function () {
    this.timeout(30_000)
    fresh = await freshStore()
    store = fresh.replica()
    userId = (await addPerson(store)).id
  })
  after(() => fresh.stop())

  async function newFamily(
    ttl: { idleTtlMs?: number; absoluteTtlMs?: number; grantExpiresAt?: Date } = {},
  ): Promise<string> {
    const grantId = randomUUID()
    const expiresAt = ttl.grantExpiresAt ?? inMs(hour)
    const about = { clientUid: 'uid', clientId: 'id', sessionUid: undefined, offline: true, payload: {} }
    await store.grants.insert({ id: grantId, userId, ...about, expiresAt })
    await store.refreshFamilies.insert({
      grantId,
      payload: { scope: 'openid' },
      idleTtlMs: hour,
      absoluteTtlMs: hour,
      ...ttl,
    })
    return grantId
  }
  const rotate = (grantId: string, seq: number, { graceMs = 10_000, from = store, reason = '', keeps = false } = {}) =>
    from.refreshFamilies.rotate({
      grantId,
      seq,
      graceMs,
      idleTtlMs: hour,
      keeps,
      auditOnReuse: [{ event: 'refresh.reuse', outcome: 'failure', reason }],
    })

  it('T1 gives the same successor to 20 parallel uses over 3 replicas', async () => {
    const replicas = [store, fresh.replica(), fresh.replica()]
    const grantId = await newFamily()
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, turn) => rotate(grantId, 1, { from: replicas[turn % 3]! })),
    )
    expect(outcomes.filter(({ kind }) => kind === 'rotated')).to.have.length(1)
    expect(outcomes.filter(({ kind }) => kind === 'repeated')).to.have.length(19)
    const successors = new Set(outcomes.map((outcome) => 'seq' in outcome && `${outcome.seq}@${outcome.rotatedAt}`))
    expect([...successors]).to.have.length(1)
    expect(await store.refreshFamilies.find(grantId)).to.include({ seq: 2 })
  })

  it('T1 gives the same successor again after a lost answer, and the family stays alive', async () => {
    const grantId = await newFamily()
    const first = await rotate(grantId, 1)
    const again = await rotate(grantId, 1)
    expect(first.kind).to.equal('rotated')
    expect(again).to.deep.equal({ ...first, kind: 'repeated' })
    expect(await rotate(grantId, 2)).to.include({ kind: 'rotated', seq: 3 })
  })

  it('T1 revokes family and grant when a token older than the predecessor is used, with one audit row', async () => {
    const grantId = await newFamily()
    const reason = randomUUID()
    await rotate(grantId, 1)
    await rotate(grantId, 2)
    expect((await rotate(grantId, 1, { reason })).kind).to.equal('reused')
    expect((await rotate(grantId, 3, { reason })).kind).to.equal('gone')
    expect((await rotate(grantId, 1, { reason })).kind).to.equal('gone')
    expect(await store.grants.find(grantId)).to.equal(undefined)
    const rows = (await store.audit.search({ event: 'refresh.reuse', limit: 1000 })).filter(
      (row) => row.reason === reason,
    )
    expect(rows).to.have.length(1)
  })

  it('T1 revokes the family when the predecessor is used after its grace', async () => {
    const grantId = await newFamily()
    await rotate(grantId, 1)
    expect((await rotate(grantId, 1, { graceMs: 0 })).kind).to.equal('reused')
    expect((await rotate(grantId, 2)).kind).to.equal('gone')
  })

  it('keeps the token of a family that is not rotated, makes it live on, and refuses one from before', async () => {
    const grantId = await newFamily({ idleTtlMs: 60_000, absoluteTtlMs: 2 * hour })
    const [before, ...later] = [await rotate(grantId, 1, { keeps: true }), await rotate(grantId, 1, { keeps: true })]
    expect(before).to.include({ seq: 1 })
    expect(before)
      .to.have.property('expiresAt')
      .that.is.above(Date.now() + hour / 2)
    expect(later[0]).to.include({ seq: 1, rotatedAt: 'rotatedAt' in before ? before.rotatedAt : 0 })
    const rotated = await newFamily()
    await rotate(rotated, 1)
    await rotate(rotated, 2, { keeps: true })
    expect((await rotate(rotated, 1, { keeps: true, graceMs: 0 })).kind).to.equal('reused')
    expect((await rotate(rotated, 2, { keeps: true })).kind).to.equal('gone')
  })

  it('F27 refuses a token that is newer than its row, as after a restore, and revokes nothing', async () => {
    const grantId = await newFamily()
    expect((await rotate(grantId, 5)).kind).to.equal('gone')
    expect(await rotate(grantId, 1)).to.include({ kind: 'rotated' })
  })

  it('replaces the newest token alone, and leaves a family as it is when another one is shown', async () => {
    const grantId = await newFamily()
    const show = (seq: number) => store.refreshFamilies.rotateNewest({ grantId, seq, idleTtlMs: hour })
    expect(await show(1)).to.include({ seq: 2 })
    const before = await store.refreshFamilies.find(grantId)
    for (const seq of [0, 1, 3]) expect(await show(seq), `${seq}`).to.equal(undefined)
    expect(await store.refreshFamilies.find(grantId)).to.deep.equal(before)
    const shown = await Promise.all(Array.from({ length: 10 }, () => show(2)))
    expect(shown.filter((family) => family !== undefined).map(({ seq }) => seq)).to.deep.equal([3])
    await store.grants.revoke(grantId)
    expect(await show(3)).to.equal(undefined)
  })

  it('ends an unused family, and never lets it live longer than its absolute time or its grant', async () => {
    expect((await rotate(await newFamily({ idleTtlMs: -1 }), 1)).kind).to.equal('gone')
    expect((await rotate(await newFamily({ absoluteTtlMs: -1 }), 1)).kind).to.equal('gone')
    expect((await rotate(await newFamily({ grantExpiresAt: inMs(-1) }), 1)).kind).to.equal('gone')
    const short = await newFamily({ absoluteTtlMs: 60_000 })
    const rotated = await rotate(short, 1)
    expect(rotated)
      .to.have.property('expiresAt')
      .that.is.below(Date.now() + 61_000)
  })

  it('T5 does not rotate for a revoked grant', async () => {
    const grantId = await newFamily()
    await store.grants.revoke(grantId)
    expect((await rotate(grantId, 1)).kind).to.equal('gone')
  })

  it('reads a family without rotating it', async () => {
    const grantId = await newFamily()
    const found = await store.refreshFamilies.find(grantId)
    expect(found).to.deep.include({ seq: 1, payload: { scope: 'openid' } })
    expect(await store.refreshFamilies.find(grantId)).to.deep.equal(found)
  })
})
