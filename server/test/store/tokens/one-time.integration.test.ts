import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { createOneTime } from '../../../src/store/tokens/one-time.ts'
import { freshStore, inMs } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

describe(createOneTime.name, () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  it('A10 T11 lets exactly one of 50 parallel marks over 3 replicas succeed', async () => {
    const replicas = [fresh.replica(), fresh.replica(), fresh.replica()]
    const id = randomUUID()
    const marks = Array.from({ length: 50 }, (_, turn) => replicas[turn % 3]!.oneTime.mark('jti', id, inMs(60_000)))
    const won = (await Promise.all(marks)).filter((first) => first)
    expect(won).to.have.length(1)
  })

  it('keeps kinds apart, and says what is marked', async () => {
    const { oneTime } = fresh.replica()
    const id = randomUUID()
    expect(await oneTime.mark('par', id, inMs(60_000))).to.equal(true)
    expect(await oneTime.mark('jti', id, inMs(60_000))).to.equal(true)
    expect(await oneTime.isMarked('par', id, inMs(60_000))).to.equal(true)
    expect(await oneTime.isMarked('revoked', id, inMs(60_000))).to.equal(false)
  })

  it('E8 treats an id with SQL in it as text', async () => {
    const { oneTime } = fresh.replica()
    const id = "x'); DROP TABLE one_time; --"
    expect(await oneTime.mark('revoked', id, inMs(60_000))).to.equal(true)
    expect(await oneTime.mark('revoked', id, inMs(60_000))).to.equal(false)
  })
})
