// What every cache must do. Whatever it loses is a miss; what it gives is what was set, for the same purpose and id.
import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import type { Cache } from '../../src/store/cache.ts'

export interface CacheUnderTest {
  readonly cache: Cache
  /** Lets `ms` pass for the cache's own clock. */
  readonly pass: (ms: number) => Promise<void> | void
  readonly end: () => Promise<void>
}

export function cacheConformance(name: string, open: () => Promise<CacheUnderTest>): void {
  describe(`${name} as a cache`, () => {
    let under: CacheUnderTest
    beforeEach(async function () {
      this.timeout(30_000)
      under = await open()
    })
    afterEach(() => under.end())

    const text = async (purpose: string, id: string) => {
      const value = await under.cache.get(purpose, id)
      return value && Buffer.from(value).toString()
    }

    it('gives what was set, the last one', async () => {
      const id = randomUUID()
      expect(await text('grant', id)).to.equal(undefined)
      await under.cache.set('grant', id, Buffer.from('one'), 60_000)
      await under.cache.set('grant', id, Buffer.from('two'), 60_000)
      expect(await text('grant', id)).to.equal('two')
    })

    it('keeps any bytes as they are, none included', async () => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
      await under.cache.set('grant', 'bytes', bytes, 60_000)
      await under.cache.set('grant', 'none', Buffer.alloc(0), 60_000)
      expect(Buffer.from((await under.cache.get('grant', 'bytes'))!).equals(bytes)).to.equal(true)
      expect(await under.cache.get('grant', 'none')).to.have.length(0)
    })

    it('keeps purposes apart', async () => {
      const id = randomUUID()
      await under.cache.set('grant', id, Buffer.from('x'), 60_000)
      expect(await text('claims', id)).to.equal(undefined)
    })

    it('forgets what has expired, and what was deleted', async () => {
      await under.cache.set('grant', 'short', Buffer.from('x'), 50)
      await under.cache.set('grant', 'long', Buffer.from('y'), 600_000)
      await under.cache.set('grant', 'deleted', Buffer.from('z'), 600_000)
      await under.cache.delete('grant', 'deleted')
      await under.cache.delete('grant', 'never there')
      await under.pass(60)
      expect([await text('grant', 'short'), await text('grant', 'long'), await text('grant', 'deleted')]).to.deep.equal(
        [undefined, 'y', undefined],
      )
    })

    it('does not let a caller change what is kept', async () => {
      const value = Buffer.from('kept')
      await under.cache.set('grant', 'own', value, 60_000)
      value.fill(0)
      const got = await under.cache.get('grant', 'own')
      got!.fill(0)
      expect(await text('grant', 'own')).to.equal('kept')
    })

    it('gives one of the values when many write at once', async () => {
      const values = Array.from({ length: 50 }, (_, turn) => `value-${turn}`)
      await Promise.all(values.map((value) => under.cache.set('grant', 'race', Buffer.from(value), 60_000)))
      expect(values).to.include(await text('grant', 'race'))
    })

    it('E8 E9 takes any id', async () => {
      for (const id of ['__proto__', 'a b\r\nDEL x', '', 'ü'.repeat(500), '*']) {
        await under.cache.set('grant', id, Buffer.from(id), 60_000)
        expect(await text('grant', id)).to.equal(id)
      }
    })
  })
}
