// What every cache must do. It may lose entries, but what it returns is what was set for that purpose and id.
import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import type { Cache } from '../../src/store/cache/cache.ts'

export interface CacheUnderTest {
  readonly cache: Cache
  /** Lets `ms` pass for the cache's own clock. */
  readonly pass: (ms: number) => Promise<void> | void
  readonly end: () => Promise<void>
}

/** One value of a cache. */
export async function read(cache: Cache, purpose: string, id: string): Promise<Uint8Array | undefined> {
  return (await cache.get([{ purpose, id }]))[0]
}

export function cacheConformance(name: string, open: () => Promise<CacheUnderTest>): void {
  describe(`${name} as a cache`, () => {
    let under: CacheUnderTest
    beforeEach(async () => {
      under = await open()
    })
    afterEach(() => under.end())

    const text = async (purpose: string, id: string) => {
      const value = await read(under.cache, purpose, id)
      return value && Buffer.from(value).toString()
    }

    it('returns the last value that was set', async () => {
      const id = randomUUID()
      expect(await text('grant', id)).to.equal(undefined)
      await under.cache.set({ purpose: 'grant', id }, Buffer.from('one'), 60_000)
      await under.cache.set({ purpose: 'grant', id }, Buffer.from('two'), 60_000)
      expect(await text('grant', id)).to.equal('two')
    })

    it('keeps any bytes unchanged, also an empty value', async () => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      await under.cache.set({ purpose: 'grant', id: 'bytes' }, bytes, 60_000)
      await under.cache.set({ purpose: 'grant', id: 'none' }, Buffer.alloc(0), 60_000)
      expect(Buffer.from((await read(under.cache, 'grant', 'bytes'))!).equals(bytes)).to.equal(true)
      expect(await read(under.cache, 'grant', 'none')).to.have.length(0)
    })

    it('keeps purposes apart', async () => {
      const id = randomUUID()
      await under.cache.set({ purpose: 'grant', id }, Buffer.from('x'), 60_000)
      expect(await text('claims', id)).to.equal(undefined)
    })

    it('reads many entries at once, in the order of the request', async () => {
      await under.cache.set({ purpose: 'grant', id: 'first' }, Buffer.from('1'), 60_000)
      await under.cache.set({ purpose: 'changed', id: 'third' }, Buffer.from('3'), 60_000)
      const asked = [
        { purpose: 'grant', id: 'first' },
        { purpose: 'grant', id: 'second' },
        { purpose: 'changed', id: 'third' },
      ]
      const values = await under.cache.get(asked)
      expect(values.map((value) => value && Buffer.from(value).toString())).to.deep.equal(['1', undefined, '3'])
    })

    it('forgets what has expired', async () => {
      await under.cache.set({ purpose: 'grant', id: 'short' }, Buffer.from('x'), 50)
      await under.cache.set({ purpose: 'grant', id: 'long' }, Buffer.from('y'), 600_000)
      await under.pass(60)
      expect([await text('grant', 'short'), await text('grant', 'long')]).to.deep.equal([undefined, 'y'])
    })

    it('keeps its value when a caller changes its own buffer', async () => {
      const value = Buffer.from('kept')
      await under.cache.set({ purpose: 'grant', id: 'own' }, value, 60_000)
      value.fill(0)
      const got = await read(under.cache, 'grant', 'own')
      got!.fill(0)
      expect(await text('grant', 'own')).to.equal('kept')
    })

    it('returns one of the written values when many write at once', async () => {
      const values = Array.from({ length: 50 }, (_, turn) => `value-${turn}`)
      await Promise.all(
        values.map((value) => under.cache.set({ purpose: 'grant', id: 'race' }, Buffer.from(value), 60_000)),
      )
      expect(values).to.include(await text('grant', 'race'))
    })

    it('E8 E9 accepts any text as id', async () => {
      for (const id of ['__proto__', 'a b\r\nDEL x', '', 'ü'.repeat(500), '*']) {
        await under.cache.set({ purpose: 'grant', id }, Buffer.from(id), 60_000)
        expect(await text('grant', id)).to.equal(id)
      }
    })
  })
}
